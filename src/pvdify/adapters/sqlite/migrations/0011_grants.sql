-- What an app may use beyond its own name: hostnames, and registries at local addresses. The app need not exist yet.

CREATE TABLE grants (
    app TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (app, kind, name)
) STRICT;

-- Whatever an app uses already stays its own.
INSERT OR IGNORE INTO grants (app, kind, name, created_at, created_by)
SELECT apps.name, 'hostname', domain.value, apps.created_at, 'upgrade' FROM apps, json_each(apps.domains) AS domain;

INSERT OR IGNORE INTO grants (app, kind, name, created_at, created_by)
SELECT releases.app, 'hostname', domain.value, releases.created_at, 'upgrade'
FROM releases, json_each(releases.manifest, '$.domains') AS domain
WHERE releases.was_live;

INSERT OR IGNORE INTO grants (app, kind, name, created_at, created_by)
SELECT app, 'registry', substr(image, 1, instr(image, '/') - 1), created_at, 'upgrade'
FROM releases WHERE instr(image, '/') > 1 AND was_live;
