-- +goose Up

-- What is used of what is limited. Times are microseconds since the epoch.
CREATE TABLE limit_use (
    key     TEXT PRIMARY KEY,
    until   INTEGER NOT NULL, -- when its use is made up for
    refused INTEGER NOT NULL,
    at      INTEGER NOT NULL  -- when it was last reported
) WITHOUT ROWID;
CREATE INDEX limit_use_at ON limit_use (at);
CREATE TABLE limit_held (
    process TEXT NOT NULL,
    key     TEXT NOT NULL,
    held    INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (process, key)
) WITHOUT ROWID;
