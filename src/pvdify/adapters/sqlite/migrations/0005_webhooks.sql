-- Webhooks that were dealt with: neither the id nor the content of one counts twice.

CREATE TABLE seen_webhooks (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

CREATE INDEX seen_webhooks_by_digest ON seen_webhooks (digest);
CREATE INDEX seen_webhooks_by_time ON seen_webhooks (at);
