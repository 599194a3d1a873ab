-- +goose Up

-- Events as they were appended, until they are numbered.
CREATE TABLE audit_group (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
-- Numbered events. A row changes only when an event in it is erased.
CREATE TABLE audit_block (
    first INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    since INTEGER NOT NULL, -- microseconds since the epoch: its earliest event
    until INTEGER NOT NULL, -- its latest
    body  BLOB NOT NULL
);
-- Which events of a block have a key, the hash of a patient, user or client.
CREATE TABLE audit_posting (
    key   INTEGER NOT NULL,
    first INTEGER NOT NULL,
    at    BLOB NOT NULL,
    PRIMARY KEY (key, first)
) WITHOUT ROWID;
-- Hashes of the tree above its leaves, which are in the blocks.
CREATE TABLE audit_node (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
);
CREATE TABLE audit_head (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL,
    note BLOB NOT NULL
);
CREATE TABLE audit_signers (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    value BLOB NOT NULL
);
