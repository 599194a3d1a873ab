-- +goose Up

-- Names that rows refer to by number: resource types (space 1), search
-- parameters as "code Type" (space 2), token and quantity systems (space 3).
-- Number 0 is "no system", -1 marks canonical quantities.
CREATE TABLE name (
    id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space integer NOT NULL,
    text  text COLLATE "C" NOT NULL,
    UNIQUE (space, text)
);

-- Numbers to remember; seq_base is added to numbers made of transaction ids,
-- so that they rise even where a restored database meets a younger cluster.
CREATE TABLE counter (
    name  text COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);

-- Every version of every resource, in the order of the change feed. The only
-- place of bodies.
CREATE TABLE version (
    seq     bigint PRIMARY KEY,
    rid     bigint NOT NULL, -- seq of the resource's first version
    version bigint NOT NULL,
    type    integer NOT NULL,
    updated bigint NOT NULL, -- microseconds since the epoch
    deleted smallint NOT NULL,
    method  text COLLATE "C" NOT NULL,
    release text COLLATE "C" NOT NULL,
    body    bytea
);
ALTER TABLE version ALTER COLUMN body SET STORAGE EXTERNAL; -- compressed already
CREATE UNIQUE INDEX version_rid ON version (rid, version);
CREATE INDEX version_type ON version (type, seq);
CREATE INDEX version_updated ON version (updated);

-- The current version of every resource. idx repeats the index rows, so that
-- an update removes exactly the former ones; params lists the numbers of the
-- parameters with a value, as ",12,15,".
CREATE TABLE resource (
    rid     bigint PRIMARY KEY,
    type    integer NOT NULL,
    id      text COLLATE "C" NOT NULL,
    seq     bigint NOT NULL,
    version bigint NOT NULL,
    updated bigint NOT NULL,
    deleted smallint NOT NULL,
    params  text COLLATE "C" NOT NULL,
    idx     bytea
);
CREATE UNIQUE INDEX resource_key ON resource (type, id);
CREATE INDEX resource_live ON resource (type, rid) WHERE deleted = 0;
CREATE INDEX resource_updated ON resource (type, updated, rid) WHERE deleted = 0;

-- The search index. Each primary key has all columns, by what is looked up
-- first; the rid indexes answer "has this resource such a value" and sorting.
CREATE TABLE token (
    param  integer NOT NULL,
    code   text COLLATE "C" NOT NULL,
    rid    bigint NOT NULL,
    system integer NOT NULL,
    PRIMARY KEY (param, code, rid, system)
);

CREATE TABLE reference (
    id      text COLLATE "C" NOT NULL,
    param   integer NOT NULL,
    rid     bigint NOT NULL,
    type    integer NOT NULL,
    version text COLLATE "C" NOT NULL,
    PRIMARY KEY (id, param, rid, type, version)
);
CREATE INDEX reference_rid ON reference (rid, param);

CREATE TABLE string (
    param integer NOT NULL,
    norm  text COLLATE "C" NOT NULL,
    rid   bigint NOT NULL,
    text  text COLLATE "C" NOT NULL,
    PRIMARY KEY (param, norm, rid, text)
);
CREATE INDEX string_rid ON string (rid, param);

CREATE TABLE date (
    param integer NOT NULL,
    lo    bigint NOT NULL, -- [lo, hi) in microseconds since the epoch
    rid   bigint NOT NULL,
    hi    bigint NOT NULL,
    PRIMARY KEY (param, lo, rid, hi)
);
CREATE INDEX date_rid ON date (rid, param);
CREATE INDEX date_long ON date (param, hi) WHERE hi > lo + 2764800000000;

CREATE TABLE number (
    param integer NOT NULL,
    lo    double precision NOT NULL,
    rid   bigint NOT NULL,
    hi    double precision NOT NULL,
    value double precision NOT NULL,
    PRIMARY KEY (param, lo, rid, hi, value)
);
CREATE INDEX number_rid ON number (rid, param);
CREATE INDEX number_wide ON number (param, hi) WHERE hi > lo;

-- A quantity in UCUM has a second row, of system -1: its canonical form. value
-- is what it sorts by, in the row that counts for that (sorts = 1).
CREATE TABLE quantity (
    param  integer NOT NULL,
    lo     double precision NOT NULL,
    rid    bigint NOT NULL,
    hi     double precision NOT NULL,
    system integer NOT NULL,
    code   text COLLATE "C" NOT NULL,
    unit   text COLLATE "C" NOT NULL,
    value  double precision NOT NULL,
    sorts  smallint NOT NULL,
    PRIMARY KEY (param, lo, rid, hi, system, code, unit, value)
);
CREATE INDEX quantity_rid ON quantity (rid, param);
CREATE INDEX quantity_wide ON quantity (param, hi) WHERE hi > lo;

CREATE TABLE uri (
    param   integer NOT NULL,
    url     text COLLATE "C" NOT NULL,
    rid     bigint NOT NULL,
    version text COLLATE "C" NOT NULL,
    PRIMARY KEY (param, url, rid, version)
);
CREATE INDEX uri_rid ON uri (rid, param);

-- A composite entry has a row for each part after the first, with the first
-- part's value in front (text, more, system, extra). A first part that is a
-- number, quantity or date has a row of its own (part 0) and leaves the front
-- empty.
CREATE TABLE composite (
    param  integer NOT NULL,
    part   integer NOT NULL,
    text   text COLLATE "C" NOT NULL,
    rid    bigint NOT NULL,
    entry  integer NOT NULL,
    more   text COLLATE "C" NOT NULL,
    system integer NOT NULL,
    extra  text COLLATE "C" NOT NULL,
    ptext   text COLLATE "C" NOT NULL,
    pmore   text COLLATE "C" NOT NULL,
    psystem integer NOT NULL,
    pextra  text COLLATE "C" NOT NULL,
    lo      double precision NOT NULL,
    hi      double precision NOT NULL,
    clo     double precision NOT NULL,
    chi     double precision NOT NULL,
    PRIMARY KEY (param, part, text, rid, entry)
);

CREATE TABLE setting (
    name  text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE job (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       text COLLATE "C" NOT NULL UNIQUE,
    kind     text COLLATE "C" NOT NULL,
    state    text COLLATE "C" NOT NULL,
    args     bytea,
    progress bytea,
    result   bytea,
    error    text COLLATE "C" NOT NULL,
    attempt  bigint NOT NULL,
    max      bigint NOT NULL,
    run_at   bigint NOT NULL,
    lease    bigint NOT NULL,
    holder   text COLLATE "C" NOT NULL,
    created  bigint NOT NULL,
    ended    bigint NOT NULL
);
CREATE INDEX job_due ON job (state, kind, run_at);

-- Blobs in pieces. An upload becomes a blob when its last piece is there.
CREATE TABLE blob (
    name   text COLLATE "C" PRIMARY KEY,
    upload uuid NOT NULL UNIQUE,
    size   bigint NOT NULL
);
CREATE TABLE blob_piece (
    upload  uuid NOT NULL,
    n       bigint NOT NULL,
    data    bytea NOT NULL,
    written timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (upload, n)
);
ALTER TABLE blob_piece ALTER COLUMN data SET STORAGE EXTERNAL;
