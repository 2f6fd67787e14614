-- When requests that wait because a person paused the app go on at the latest.
ALTER TABLE apps ADD COLUMN paused_until TEXT;
