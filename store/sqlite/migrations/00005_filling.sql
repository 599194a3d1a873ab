-- +goose Up

-- What free pages are written over with, for a moment.
CREATE TABLE filling (
    id    INTEGER PRIMARY KEY,
    zeros BLOB NOT NULL
);
