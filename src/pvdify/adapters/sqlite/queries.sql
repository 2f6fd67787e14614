-- name: app
SELECT * FROM apps WHERE name = :name;

-- name: apps
SELECT * FROM apps ORDER BY name;

-- name: release
SELECT * FROM releases WHERE app = :app AND version = :version;

-- name: releases
SELECT * FROM releases WHERE app = :app ORDER BY version DESC LIMIT :limit;

-- name: live_versions
SELECT version FROM releases WHERE app = :app AND was_live ORDER BY version DESC LIMIT :limit;

-- name: active_release
SELECT * FROM releases WHERE app = :app AND status = 'active';

-- name: active_releases
SELECT * FROM releases WHERE status = 'active' ORDER BY app;

-- name: switch_counts
SELECT * FROM switch_counts WHERE app = :app ORDER BY release DESC LIMIT 1000;

-- name: scale
SELECT * FROM scales WHERE app = :app;

-- name: scales
SELECT * FROM scales ORDER BY app;

-- name: slots
SELECT * FROM slots WHERE state <> 'retired' AND (:app IS NULL OR app = :app) ORDER BY since, number;

-- name: slot
SELECT * FROM slots WHERE app = :app AND number = :number;

-- name: operation
SELECT * FROM operations WHERE id = :id;

-- name: unsettled_operations
SELECT * FROM operations
WHERE state IN ('queued', 'running', 'undoing') AND (:app IS NULL OR app = :app)
ORDER BY created_at, rowid;

-- name: config_versions
SELECT * FROM config_versions WHERE app = :app ORDER BY version DESC;

-- name: preview
SELECT * FROM previews WHERE name = :name;

-- name: previews
SELECT * FROM previews WHERE :parent IS NULL OR parent = :parent ORDER BY parent, number;

-- name: previews_due
SELECT * FROM previews WHERE ends_at <= :now OR asked_at IS NULL OR asked_at <= :asked_before ORDER BY ends_at;

-- name: unleased_previews
SELECT name FROM apps WHERE name GLOB '?*-pr-[1-9]*' AND name NOT IN (SELECT name FROM previews) ORDER BY name;

-- name: token
SELECT * FROM tokens WHERE id = :id;

-- name: tokens
SELECT * FROM tokens WHERE revoked_at IS NULL ORDER BY created_at, id;

-- name: events
SELECT * FROM events WHERE :app IS NULL OR app = :app ORDER BY id DESC LIMIT :limit;

-- name: idempotent_request
SELECT * FROM idempotent_requests WHERE key = :key AND actor = :actor AND created_at >= :since;

-- name: seen_webhook
SELECT id FROM seen_webhooks WHERE id = :id OR digest = :digest LIMIT 1;

-- name: forget_webhooks
DELETE FROM seen_webhooks WHERE at < :before;

-- name: links
SELECT * FROM links WHERE :app IS NULL OR app = :app ORDER BY app, repository;

-- name: origin
SELECT repository, number FROM previews WHERE name = :app AND repository IS NOT NULL
UNION ALL
SELECT repository, NULL FROM links WHERE app = :app
LIMIT 1;

-- name: forget_link
DELETE FROM links WHERE app = :app AND repository_id = :repository_id;

-- name: used_identity
SELECT id FROM used_identities WHERE id = :id;

-- name: insert_used_identity
INSERT INTO used_identities (id, expires_at) VALUES (:id, :expires_at);

-- name: forget_used_identities
DELETE FROM used_identities WHERE expires_at < :before;

-- name: forget_ended_tokens
DELETE FROM tokens WHERE created_by LIKE 'github:%' AND expires_at < :before;

-- name: forget_tokens
DELETE FROM tokens WHERE app = :app;

-- name: forget_links
DELETE FROM links WHERE app = :app;

-- name: forget_releases
DELETE FROM releases WHERE app = :app;

-- name: forget_switch_counts
DELETE FROM switch_counts WHERE app = :app;

-- name: forget_scales
DELETE FROM scales WHERE app = :app;

-- name: forget_slots
DELETE FROM slots WHERE app = :app;

-- name: forget_operations
DELETE FROM operations WHERE app = :app;

-- name: forget_config_versions
DELETE FROM config_versions WHERE app = :app;

-- name: forget_idempotent_requests
DELETE FROM idempotent_requests WHERE app = :app;

-- name: forget_previews
DELETE FROM previews WHERE name = :app;

-- name: forget_app
DELETE FROM apps WHERE name = :app;

-- name: subscriptions
SELECT * FROM subscriptions ORDER BY created_at, id;

-- name: subscription
SELECT * FROM subscriptions WHERE id = :id;

-- name: cursor
SELECT * FROM cursors WHERE name = :name;

-- name: events_after
SELECT * FROM events WHERE id > :id ORDER BY id LIMIT :limit;

-- name: insert_delivery
INSERT INTO deliveries (id, subscription, notice, state, attempts, created_at, due_at, ended_at, status, error)
VALUES (:id, :subscription, :notice, :state, :attempts, :created_at, :due_at, :ended_at, :status, :error)
ON CONFLICT (id) DO NOTHING;

-- name: update_delivery
UPDATE deliveries
SET state = :state, attempts = :attempts, due_at = :due_at, ended_at = :ended_at, status = :status, error = :error
WHERE id = :id;

-- name: deliveries_due
SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY subscription ORDER BY due_at, rowid) AS place
    FROM deliveries WHERE state = 'pending' AND due_at <= :now
) WHERE place <= :limit ORDER BY due_at;

-- name: deliveries
SELECT * FROM deliveries WHERE :subscription IS NULL OR subscription = :subscription
ORDER BY created_at DESC, rowid DESC LIMIT :limit;

-- name: pending_deliveries
SELECT count(*) AS count FROM deliveries WHERE state = 'pending';

-- name: forget_subscription
DELETE FROM subscriptions WHERE id = :id;

-- name: forget_its_deliveries
DELETE FROM deliveries WHERE subscription = :id;

-- name: forget_old_deliveries
DELETE FROM deliveries WHERE state <> 'pending' AND ended_at < :before;
