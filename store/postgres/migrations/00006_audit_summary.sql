-- +goose Up

-- What the events of a block of the audit log are found by; none of those of earlier
-- versions.
CREATE TABLE audit_summary (
    first bigint PRIMARY KEY,
    terms bytea NOT NULL
);
ALTER TABLE audit_summary ALTER terms SET STORAGE EXTERNAL; -- as good as random
