-- +goose Up

-- What package identity remembers: users, clients, grants, tokens.
CREATE TABLE item (
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires INTEGER NOT NULL, -- microseconds since the epoch, 0 for never
    body    BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX item_expires ON item (expires) WHERE expires > 0;
CREATE TABLE item_key (
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    id    TEXT NOT NULL,
    PRIMARY KEY (kind, name, value, id)
) WITHOUT ROWID;
CREATE INDEX item_key_id ON item_key (kind, id);
