-- name: identity
SELECT id, is_apart FROM identity;

-- name: take_identity
UPDATE identity SET id = :id;

-- name: set_apart
UPDATE identity SET is_apart = 1;

-- name: app
SELECT * FROM apps WHERE name = :name;

-- name: apps
SELECT * FROM apps ORDER BY name;

-- name: release
SELECT * FROM releases WHERE app = :app AND version = :version;

-- name: releases
SELECT * FROM releases WHERE app = :app ORDER BY version DESC LIMIT :limit;

-- name: live_versions
SELECT version FROM releases
WHERE app = :app AND was_live AND (:before IS NULL OR version < :before)
ORDER BY version DESC LIMIT :limit;

-- name: last_live_in
SELECT version FROM releases WHERE app = :app AND slot = :slot AND was_live ORDER BY version DESC LIMIT 1;

-- name: active_release
SELECT * FROM releases WHERE app = :app AND status = 'active';

-- name: active_releases
SELECT * FROM releases WHERE status = 'active' ORDER BY app;

-- name: failed_releases
SELECT * FROM releases AS it
WHERE status = 'failed' AND NOT EXISTS (SELECT 1 FROM releases WHERE app = it.app AND version > it.version)
ORDER BY app;

-- name: switch_counts
SELECT * FROM switch_counts WHERE app = :app AND release BETWEEN :first AND :last ORDER BY release DESC;

-- name: scale
SELECT * FROM scales WHERE app = :app;

-- name: scales
SELECT * FROM scales ORDER BY app;

-- name: noted_statuses
SELECT * FROM noted_statuses WHERE :app IS NULL OR app = :app ORDER BY app;

-- name: slots
SELECT * FROM slots WHERE state <> 'retired' AND (:app IS NULL OR app = :app) ORDER BY since, number;

-- name: runtime_choice
SELECT * FROM runtime_choices;

-- name: slot
SELECT * FROM slots WHERE app = :app AND number = :number;

-- name: volumes
SELECT * FROM volumes WHERE :app IS NULL OR app = :app ORDER BY app, name, created_at;

-- name: services
SELECT * FROM services ORDER BY trashed_at IS NOT NULL, name, created_at;

-- name: service
SELECT * FROM services WHERE id = :id;

-- name: forget_service
DELETE FROM services WHERE id = :id;

-- name: service_links
SELECT * FROM service_links
WHERE (:app IS NULL OR app = :app) AND (:service IS NULL OR service = :service) ORDER BY app, hostname;

-- name: forget_service_link
DELETE FROM service_links WHERE service = :service AND app = :app;

-- name: job_records
SELECT * FROM job_records WHERE :app IS NULL OR app = :app ORDER BY app, job;

-- name: job_run
SELECT * FROM job_runs WHERE app = :app AND job = :job AND number = :number;

-- name: job_runs
SELECT * FROM job_runs WHERE app = :app AND (:job IS NULL OR job = :job)
ORDER BY created_at DESC, job, number DESC LIMIT :limit;

-- name: unsettled_job_runs
SELECT * FROM job_runs WHERE state IN ('due', 'running') AND (:app IS NULL OR app = :app) ORDER BY app, job, number;

-- name: job_run_due_at
SELECT 1 FROM job_runs WHERE app = :app AND job = :job AND due_at = :due_at AND state NOT IN ('missed', 'skipped');

-- name: forget_old_job_runs
DELETE FROM job_runs WHERE app = :app AND job = :job AND number <= :number AND created_at < :before
AND state NOT IN ('due', 'running');

-- name: forget_volume
DELETE FROM volumes WHERE id = :id;

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

-- name: matching_events
SELECT * FROM events
WHERE (:app IS NULL OR app = :app) AND (:actor IS NULL OR actor = :actor) AND (:since IS NULL OR at >= :since)
    AND (:kind IS NULL OR action = :kind OR substr(action, 1, length(:kind) + 1) = :kind || '.')
ORDER BY id DESC LIMIT :limit;

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

-- name: grants
SELECT * FROM grants WHERE app = :app ORDER BY kind, name;

-- name: forget_grant
DELETE FROM grants WHERE app = :app AND kind = :kind AND name = :name;

-- name: forget_grants
DELETE FROM grants WHERE app = :app;

-- name: forget_links
DELETE FROM links WHERE app = :app;

-- name: forget_releases
DELETE FROM releases WHERE app = :app;

-- name: forget_switch_counts
DELETE FROM switch_counts WHERE app = :app;

-- name: forget_scales
DELETE FROM scales WHERE app = :app;

-- name: forget_noted_statuses
DELETE FROM noted_statuses WHERE app = :app;

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

-- name: forget_job_records
DELETE FROM job_records WHERE app = :app;

-- name: forget_job_runs
DELETE FROM job_runs WHERE app = :app;

-- name: forget_service_links
DELETE FROM service_links WHERE app = :app;

-- name: forget_passkeys_of_users
DELETE FROM passkeys WHERE user IN (SELECT id FROM users WHERE app = :app AND removed_at IS NULL);

-- name: forget_sessions_of_users
DELETE FROM sessions WHERE kind = 'user' AND holder IN (SELECT id FROM users WHERE app = :app AND removed_at IS NULL);

-- name: forget_users
DELETE FROM users WHERE app = :app AND removed_at IS NULL;

-- name: forget_app
DELETE FROM apps WHERE name = :app;

-- name: subscriptions
SELECT * FROM subscriptions ORDER BY created_at, id;

-- name: subscription
SELECT * FROM subscriptions WHERE id = :id;

-- name: cursor
SELECT * FROM cursors WHERE name = :name;

-- name: forgettable_events
SELECT count(*) AS count FROM events
WHERE id <= :delivered AND (at < :before OR id <= (SELECT max(id) FROM events) - :keep);

-- name: forget_events
DELETE FROM events WHERE id IN (
    SELECT id FROM events
    WHERE id <= :delivered AND (at < :before OR id <= (SELECT max(id) FROM events) - :keep)
    ORDER BY id LIMIT :limit
);

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

-- name: user
SELECT * FROM users WHERE id = :id;

-- name: users
SELECT * FROM users WHERE removed_at IS NULL ORDER BY name COLLATE NOCASE, id;

-- name: removed_user
SELECT 1 FROM users WHERE issuer = :issuer AND subject = :subject AND removed_at IS NOT NULL LIMIT 1;

-- name: session
SELECT * FROM sessions WHERE id = :id;

-- name: sessions
SELECT * FROM sessions WHERE revoked_at IS NULL AND expires_at > :now ORDER BY created_at DESC, id;

-- name: revoke_sessions
UPDATE sessions SET revoked_at = :at WHERE kind = :kind AND holder = :holder AND revoked_at IS NULL;

-- name: note_session_use
UPDATE sessions SET last_used_at = :at WHERE id = :id;

-- name: note_user_seen
UPDATE users SET last_seen_at = :at
WHERE id = (SELECT holder FROM sessions WHERE sessions.id = :id AND sessions.kind = 'user');

-- name: note_passkey_use
UPDATE passkeys SET uses = :uses, last_used_at = :at WHERE id = :id;

-- name: note_token_use
UPDATE tokens SET last_used_at = :at WHERE id = :id;

-- name: forget_sessions
DELETE FROM sessions WHERE expires_at < :before OR revoked_at < :before;

-- name: backup_plan
SELECT * FROM backup_plans;

-- name: forget_backup_plan
DELETE FROM backup_plans;

-- name: backups
SELECT * FROM backups ORDER BY made_at DESC, id DESC LIMIT :limit;

-- name: forget_backup
DELETE FROM backups WHERE id = :id;

-- name: backup_task
SELECT * FROM backup_tasks WHERE id = :id;

-- name: backup_tasks
SELECT * FROM backup_tasks ORDER BY created_at DESC, id DESC LIMIT :limit;

-- name: passkey
SELECT * FROM passkeys WHERE id = :id;

-- name: passkeys
SELECT * FROM passkeys WHERE user = :user ORDER BY created_at, id;

-- name: forget_passkey
DELETE FROM passkeys WHERE id = :id;

-- name: samples
SELECT * FROM samples;

-- name: save_sample
INSERT INTO samples (app, content) VALUES (:app, :content);

-- name: forget_samples
DELETE FROM samples;

-- name: tables_of_apps
SELECT tables.name FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND columns.name = 'app' ORDER BY tables.name;

-- name: rename_operations
UPDATE OR REPLACE operations SET id = :new || substr(id, length(:old) + 1)
WHERE app = :new AND substr(id, 1, length(:old) + 1) = :old || '-';

-- name: rename_config_sources
UPDATE releases SET manifest = json_set(manifest, '$.previews.config_from', :new)
WHERE json_extract(manifest, '$.previews.config_from') = :old;

-- name: former_names
SELECT * FROM former_names ORDER BY name;

-- name: forget_former_name
DELETE FROM former_names WHERE name = :name;

-- name: forget_former_names
DELETE FROM former_names WHERE app = :app;
