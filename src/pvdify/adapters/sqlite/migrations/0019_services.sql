-- Services: containers that are kept, not released, and the apps that may reach them.
CREATE TABLE services (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    image TEXT NOT NULL,
    image_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    port INTEGER NOT NULL,
    path TEXT NOT NULL,
    volume TEXT NOT NULL,
    url TEXT NOT NULL,
    memory INTEGER NOT NULL,
    config_version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    problem TEXT NOT NULL,
    failure TEXT NOT NULL,
    pending TEXT,
    owner TEXT NOT NULL,
    copy_of TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    trashed_at TEXT,
    trashed_by TEXT NOT NULL
) STRICT;
-- Only one service of a name is in use.
CREATE UNIQUE INDEX services_in_use ON services (name) WHERE trashed_at IS NULL;

CREATE TABLE service_links (
    service TEXT NOT NULL,
    app TEXT NOT NULL,
    variable TEXT NOT NULL,
    hostname TEXT NOT NULL,
    subnet TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (service, app)
) STRICT;
-- An app has one URL under each name, and reaches one service under each hostname.
CREATE UNIQUE INDEX service_links_variables ON service_links (app, variable);
CREATE UNIQUE INDEX service_links_hostnames ON service_links (app, hostname);
