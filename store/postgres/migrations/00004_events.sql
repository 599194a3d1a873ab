-- +goose Up

-- Logs of events: of each subscription what it is to be told, as package records has it.
CREATE TABLE event (
    log    text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    body   bytea NOT NULL,
    PRIMARY KEY (log, number)
);
