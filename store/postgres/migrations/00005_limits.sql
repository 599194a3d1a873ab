-- +goose Up

-- What is used of what is limited, by all processes. Times are microseconds since the
-- epoch, by this database's clock.
CREATE TABLE limit_use (
    key     text COLLATE "C" PRIMARY KEY,
    until   bigint NOT NULL, -- when its use is made up for
    refused bigint NOT NULL,
    at      bigint NOT NULL  -- when it was last reported
);
CREATE INDEX limit_use_at ON limit_use (at);
CREATE TABLE limit_held (
    process text COLLATE "C" NOT NULL,
    key     text COLLATE "C" NOT NULL,
    held    bigint NOT NULL,
    until   bigint NOT NULL,
    PRIMARY KEY (process, key)
);
