-- +goose Up

-- What the events of a block are found by; none of those of earlier versions.
CREATE TABLE audit_summary (
    first INTEGER PRIMARY KEY,
    terms BLOB NOT NULL
);
