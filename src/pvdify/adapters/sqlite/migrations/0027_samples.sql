-- What apps did over the last 24 hours, as pvdifyd knew it when it stopped; see model/samples.py.
CREATE TABLE samples (
    app TEXT PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;

-- Releases that failed, for the question which apps have a failed deploy as their newest.
CREATE INDEX failed_releases ON releases (app, version) WHERE status = 'failed';
