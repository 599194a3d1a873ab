-- +goose Up

-- What package identity remembers: users, clients, grants, tokens.
CREATE TABLE item (
    kind    text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    expires bigint NOT NULL, -- microseconds since the epoch, 0 for never
    body    bytea NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX item_expires ON item (expires) WHERE expires > 0;
CREATE TABLE item_key (
    kind  text COLLATE "C" NOT NULL,
    name  text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name, value, id)
);
CREATE INDEX item_key_id ON item_key (kind, id);
