-- +goose Up

-- Logs of events: of each subscription what it is to be told, as package records has it.
CREATE TABLE event (
    log    TEXT NOT NULL,
    number INTEGER NOT NULL,
    body   BLOB NOT NULL,
    PRIMARY KEY (log, number)
) WITHOUT ROWID;
