-- +goose Up

-- Names that rows refer to by number: resource types (space 1), search
-- parameters as "code Type" (space 2), how versions came to be as "PUT R4"
-- (space 3), token and quantity systems (space 4), and outlines of index rows
-- (space 5). Number 0 is "no system".
CREATE TABLE name (
    id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space integer NOT NULL,
    text  text COLLATE "C" NOT NULL,
    UNIQUE (space, text)
);

-- Units of quantities; system -1 is that of canonical units.
CREATE TABLE unit (
    id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    system integer NOT NULL,
    code   text COLLATE "C" NOT NULL,
    text   text COLLATE "C" NOT NULL,
    UNIQUE (system, code, text)
);
CREATE INDEX unit_code ON unit (code);
CREATE INDEX unit_text ON unit (text);

-- Numbers to remember; seq_base is added to numbers made of transaction ids,
-- so that they rise even where a restored database meets a younger cluster; format
-- is that of the rows.
CREATE TABLE counter (
    name  text COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO counter (name, value) VALUES ('format', 2);

-- Every version of every resource, in the order of the change feed. The only
-- place of bodies.
CREATE TABLE version (
    seq     bigint PRIMARY KEY,
    rid     bigint NOT NULL, -- seq of the resource's first version
    version bigint NOT NULL,
    updated bigint NOT NULL, -- microseconds since the epoch
    type    integer NOT NULL,
    origin  integer NOT NULL, -- name of method and release
    deleted smallint NOT NULL,
    body    bytea
);
ALTER TABLE version ALTER COLUMN body SET STORAGE EXTERNAL; -- compressed already
CREATE UNIQUE INDEX version_rid ON version (rid, version) WHERE version > 1;
CREATE INDEX version_type ON version (type, seq) WHERE seq <> rid;
CREATE INDEX version_updated ON version (updated);

-- The current version of every resource. The index rows are repeated, so that
-- an update removes exactly the former ones: outline is what many resources have
-- in common, the rest lies with the version's body, or in idx after a reindex.
-- A resource that others refer to and that was never there has a placeholder:
-- version 0, deleted. Whoever refers to a resource holds a lock on its row (FOR
-- KEY SHARE), since a placeholder's rid ends when the resource comes or nothing
-- refers to it any more.
CREATE TABLE resource (
    rid     bigint PRIMARY KEY,
    seq     bigint NOT NULL,
    version bigint NOT NULL,
    updated bigint NOT NULL,
    type    integer NOT NULL,
    outline integer NOT NULL,
    deleted smallint NOT NULL,
    id      text COLLATE "C" NOT NULL,
    idx     bytea
);
CREATE UNIQUE INDEX resource_key ON resource (type, id);
CREATE INDEX resource_type ON resource (type, deleted, rid);
CREATE INDEX resource_updated ON resource (type, updated, rid) WHERE deleted = 0;

-- The search index. Each primary key has all columns, by what is looked up
-- first; the rid indexes answer "has this resource such a value" and sorting.
CREATE TABLE token (
    rid    bigint NOT NULL,
    param  integer NOT NULL,
    system integer NOT NULL,
    code   text COLLATE "C" NOT NULL,
    PRIMARY KEY (param, code, rid, system)
);

-- Few references have a version, which in the key of each would take eight bytes.
CREATE TABLE reference (
    target  bigint NOT NULL, -- rid
    rid     bigint NOT NULL,
    param   integer NOT NULL,
    version text COLLATE "C" NOT NULL
);
ALTER TABLE reference REPLICA IDENTITY FULL;
CREATE INDEX reference_target ON reference (target, param, rid);
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
    lo    bigint NOT NULL, -- microseconds since the epoch
    rid   bigint NOT NULL,
    span  bigint NOT NULL, -- up to lo + span, exclusive
    param integer NOT NULL,
    PRIMARY KEY (param, lo, rid, span)
);
CREATE INDEX date_rid ON date (rid, param);
CREATE INDEX date_long ON date (param, (lo + span)) WHERE span > 2764800000000;

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

-- A quantity in UCUM has a second row, with a canonical unit. hi and value are
-- NULL when they are as lo. value is what it sorts by, in the row that counts
-- for that (sorts = 1). entry tells apart what is otherwise the same.
CREATE TABLE quantity (
    lo     double precision NOT NULL,
    rid    bigint NOT NULL,
    param  integer NOT NULL,
    unit   integer NOT NULL,
    entry  integer NOT NULL,
    sorts  smallint NOT NULL,
    hi     double precision,
    value  double precision,
    PRIMARY KEY (param, unit, lo, rid, entry)
);
CREATE INDEX quantity_rid ON quantity (rid, param);
CREATE INDEX quantity_wide ON quantity (param, unit, hi) WHERE hi IS NOT NULL;

CREATE TABLE uri (
    param   integer NOT NULL,
    url     text COLLATE "C" NOT NULL,
    rid     bigint NOT NULL,
    version text COLLATE "C" NOT NULL,
    PRIMARY KEY (param, url, rid, version)
);
CREATE INDEX uri_rid ON uri (rid, param);

-- A composite entry has a row for each part after the first, with the first
-- part's value in front (text, system, more, extra). A first part that is a
-- number, quantity or date has a row of its own (part 0) and leaves the front
-- empty. hi and chi are NULL when they are as lo and clo.
CREATE TABLE composite (
    rid     bigint NOT NULL,
    param   integer NOT NULL,
    part    integer NOT NULL,
    entry   integer NOT NULL,
    system  integer NOT NULL,
    psystem integer NOT NULL,
    unit    integer NOT NULL,
    lo      double precision NOT NULL,
    clo     double precision NOT NULL,
    hi      double precision,
    chi     double precision,
    cunit   integer NOT NULL, -- canonical unit, 0 for none
    text    text COLLATE "C" NOT NULL,
    more    text COLLATE "C" NOT NULL,
    extra   text COLLATE "C" NOT NULL,
    ptext   text COLLATE "C" NOT NULL,
    pmore   text COLLATE "C" NOT NULL,
    pextra  text COLLATE "C" NOT NULL,
    PRIMARY KEY (param, part, text, rid, entry)
);

-- Places as points of the unit sphere.
CREATE TABLE position (
    param integer NOT NULL,
    x     double precision NOT NULL,
    rid   bigint NOT NULL,
    y     double precision NOT NULL,
    z     double precision NOT NULL,
    PRIMARY KEY (param, x, rid, y, z)
);
CREATE INDEX position_rid ON position (rid, param);

-- Texts that go with tokens and references, and passages of longer texts, each
-- once. norm is the text as words, of passages NULL. phrase_use says where they
-- stand.
CREATE TABLE phrase (
    id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash  bytea NOT NULL UNIQUE,
    norm  text COLLATE "C",
    words tsvector NOT NULL
);
CREATE INDEX phrase_norm ON phrase (norm) WHERE norm IS NOT NULL;
CREATE INDEX phrase_words ON phrase USING gin (words) WITH (fastupdate = off);

CREATE TABLE phrase_use (
    rid    bigint NOT NULL,
    phrase integer NOT NULL,
    param  integer NOT NULL,
    PRIMARY KEY (phrase, param, rid)
);

-- How often phrases were removed, from 1: who writes numbers of phrases must have
-- learnt them after that.
INSERT INTO counter (name, value) VALUES ('phrases', 1);

-- Long lists of codes that were searched by, such as value sets.
CREATE TABLE code_list (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash text COLLATE "C" NOT NULL UNIQUE,
    size integer NOT NULL
);
CREATE TABLE listed_code (
    list   integer NOT NULL,
    system integer NOT NULL,
    code   text COLLATE "C" NOT NULL,
    PRIMARY KEY (list, code, system)
);

-- What the consents of patients come to: policies, each once, and who has which
-- from lo until before until, in microseconds since the epoch.
CREATE TABLE policy (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    text text NOT NULL
);
CREATE TABLE governed (
    patient bigint NOT NULL, -- rid
    lo      bigint NOT NULL,
    until   bigint NOT NULL,
    policy  bigint NOT NULL,
    PRIMARY KEY (patient, lo)
);
CREATE INDEX governed_policy ON governed (policy);

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
