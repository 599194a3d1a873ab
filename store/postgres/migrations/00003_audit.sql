-- +goose Up

-- The audit log. Events as they were appended, until they are numbered.
CREATE TABLE audit_group (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body bytea NOT NULL
);
-- Numbered events. A row changes only when an event in it is erased.
CREATE TABLE audit_block (
    first bigint PRIMARY KEY,
    count bigint NOT NULL,
    since bigint NOT NULL, -- microseconds since the epoch: its earliest event
    until bigint NOT NULL, -- its latest
    body  bytea NOT NULL
);
ALTER TABLE audit_block ALTER body SET STORAGE EXTERNAL; -- compressed already
-- Which events of a block have a key, the hash of a patient, user or client.
CREATE TABLE audit_posting (
    key   bigint NOT NULL,
    first bigint NOT NULL,
    at    bytea NOT NULL,
    PRIMARY KEY (key, first)
);
-- Hashes of the tree above its leaves, which are in the blocks.
CREATE TABLE audit_node (
    id   bigint PRIMARY KEY,
    hash bytea NOT NULL
);
CREATE TABLE audit_head (
    id   bigint PRIMARY KEY CHECK (id = 1),
    size bigint NOT NULL,
    note bytea NOT NULL
);
CREATE TABLE audit_signers (
    id    bigint PRIMARY KEY CHECK (id = 1),
    value bytea NOT NULL
);
