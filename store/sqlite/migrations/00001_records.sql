-- +goose Up

-- Names that rows refer to by number: resource types (space 1), search
-- parameters as "code Type" (space 2), how versions came to be as "PUT R4"
-- (space 3), token and quantity systems (space 4), and outlines of index rows
-- (space 5). Number 0 is "no system".
CREATE TABLE name (
    id    INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    text  TEXT NOT NULL,
    UNIQUE (space, text)
);

-- Units of quantities; system -1 is that of canonical units.
CREATE TABLE unit (
    id     INTEGER PRIMARY KEY,
    system INTEGER NOT NULL,
    code   TEXT NOT NULL,
    text   TEXT NOT NULL,
    UNIQUE (system, code, text)
);
CREATE INDEX unit_code ON unit (code);
CREATE INDEX unit_text ON unit (text);

-- Counters that must not go back, whatever is expunged, and the format of the
-- rows.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('format', 2);

-- Every version of every resource, in the order of the change feed. The only
-- place of bodies.
CREATE TABLE version (
    seq     INTEGER PRIMARY KEY,
    rid     INTEGER NOT NULL, -- seq of the resource's first version
    version INTEGER NOT NULL,
    type    INTEGER NOT NULL,
    updated INTEGER NOT NULL, -- microseconds since the epoch
    deleted INTEGER NOT NULL,
    origin  INTEGER NOT NULL, -- name of method and release
    body    BLOB
);
CREATE UNIQUE INDEX version_rid ON version (rid, version) WHERE version > 1;
CREATE INDEX version_type ON version (type, seq) WHERE seq <> rid;
CREATE INDEX version_updated ON version (updated);

-- The current version of every resource. The index rows are repeated, so that
-- an update removes exactly the former ones: outline is what many resources have
-- in common, the rest lies with the version's body, or in idx after a reindex.
-- A resource that others refer to and that was never there has a placeholder:
-- version 0, deleted.
CREATE TABLE resource (
    rid     INTEGER PRIMARY KEY,
    type    INTEGER NOT NULL,
    id      TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    version INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    outline INTEGER NOT NULL,
    idx     BLOB
);
CREATE UNIQUE INDEX resource_key ON resource (type, id);
CREATE INDEX resource_type ON resource (type, deleted, rid);
CREATE INDEX resource_updated ON resource (type, updated, rid) WHERE deleted = 0;

-- The search index. Each table is clustered by what is looked up; the rid
-- indexes answer "has this resource such a value" and sorting.
CREATE TABLE token (
    param  INTEGER NOT NULL,
    code   TEXT NOT NULL,
    rid    INTEGER NOT NULL,
    system INTEGER NOT NULL,
    PRIMARY KEY (param, code, rid, system)
) WITHOUT ROWID;

CREATE TABLE reference (
    target  INTEGER NOT NULL, -- rid
    param   INTEGER NOT NULL,
    rid     INTEGER NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (target, param, rid, version)
) WITHOUT ROWID;
CREATE INDEX reference_rid ON reference (rid, param);

CREATE TABLE string (
    param INTEGER NOT NULL,
    norm  TEXT NOT NULL,
    rid   INTEGER NOT NULL,
    text  TEXT NOT NULL,
    PRIMARY KEY (param, norm, rid, text)
) WITHOUT ROWID;
CREATE INDEX string_rid ON string (rid, param);

CREATE TABLE date (
    param INTEGER NOT NULL,
    lo    INTEGER NOT NULL, -- microseconds since the epoch
    rid   INTEGER NOT NULL,
    span  INTEGER NOT NULL, -- up to lo + span, exclusive
    PRIMARY KEY (param, lo, rid, span)
) WITHOUT ROWID;
CREATE INDEX date_rid ON date (rid, param);
CREATE INDEX date_long ON date (param, lo + span) WHERE span > 2764800000000;

CREATE TABLE number (
    param INTEGER NOT NULL,
    lo    REAL NOT NULL,
    rid   INTEGER NOT NULL,
    hi    REAL NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (param, lo, rid, hi, value)
) WITHOUT ROWID;
CREATE INDEX number_rid ON number (rid, param);
CREATE INDEX number_wide ON number (param, hi) WHERE hi > lo;

-- A quantity in UCUM has a second row, with a canonical unit. hi and value are
-- NULL when they are as lo. value is what it sorts by, in the row that counts
-- for that (sorts = 1). entry tells apart what is otherwise the same.
CREATE TABLE quantity (
    param  INTEGER NOT NULL,
    unit   INTEGER NOT NULL,
    lo     REAL NOT NULL,
    rid    INTEGER NOT NULL,
    entry  INTEGER NOT NULL,
    hi     REAL,
    value  REAL,
    sorts  INTEGER NOT NULL,
    PRIMARY KEY (param, unit, lo, rid, entry)
) WITHOUT ROWID;
CREATE INDEX quantity_rid ON quantity (rid, param);
CREATE INDEX quantity_wide ON quantity (param, unit, hi) WHERE hi IS NOT NULL;

CREATE TABLE uri (
    param   INTEGER NOT NULL,
    url     TEXT NOT NULL,
    rid     INTEGER NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (param, url, rid, version)
) WITHOUT ROWID;
CREATE INDEX uri_rid ON uri (rid, param);

-- A composite entry has a row for each part after the first, with the first
-- part's value in front (text, system, more, extra). A first part that is a
-- number, quantity or date has a row of its own (part 0) and leaves the front
-- empty. hi and chi are NULL when they are as lo and clo.
CREATE TABLE composite (
    param  INTEGER NOT NULL,
    part   INTEGER NOT NULL,
    text   TEXT NOT NULL,
    rid    INTEGER NOT NULL,
    entry  INTEGER NOT NULL,
    system INTEGER NOT NULL,
    more   TEXT NOT NULL,
    extra  TEXT NOT NULL,
    ptext   TEXT NOT NULL,
    psystem INTEGER NOT NULL,
    pmore   TEXT NOT NULL,
    pextra  TEXT NOT NULL,
    unit    INTEGER NOT NULL,
    lo      REAL NOT NULL,
    hi      REAL,
    cunit   INTEGER NOT NULL, -- canonical unit, 0 for none
    clo     REAL NOT NULL,
    chi     REAL,
    PRIMARY KEY (param, part, text, rid, entry)
) WITHOUT ROWID;

-- Places as points of the unit sphere.
CREATE TABLE position (
    param INTEGER NOT NULL,
    x     REAL NOT NULL,
    rid   INTEGER NOT NULL,
    y     REAL NOT NULL,
    z     REAL NOT NULL,
    PRIMARY KEY (param, x, rid, y, z)
) WITHOUT ROWID;
CREATE INDEX position_rid ON position (rid, param);

-- Texts that go with tokens and references, and passages of longer texts, each
-- once. norm is the text as words, of passages NULL; phrase_word has the words of
-- both, by id. phrase_use says where they stand.
CREATE TABLE phrase (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    norm TEXT
);
CREATE INDEX phrase_norm ON phrase (norm) WHERE norm IS NOT NULL;
CREATE VIRTUAL TABLE phrase_word USING fts5 (words, content='', contentless_delete=1, tokenize='ascii');

CREATE TABLE phrase_use (
    phrase INTEGER NOT NULL,
    param  INTEGER NOT NULL,
    rid    INTEGER NOT NULL,
    PRIMARY KEY (phrase, param, rid)
) WITHOUT ROWID;

-- Long lists of codes that were searched by, such as value sets.
CREATE TABLE code_list (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL
);
CREATE TABLE listed_code (
    list   INTEGER NOT NULL,
    code   TEXT NOT NULL,
    system INTEGER NOT NULL,
    PRIMARY KEY (list, code, system)
) WITHOUT ROWID;

-- What the consents of patients come to: policies, each once, and who has which
-- from lo until before until, in microseconds since the epoch.
CREATE TABLE policy (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL
);
CREATE TABLE governed (
    patient INTEGER NOT NULL, -- rid
    lo      INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    policy  INTEGER NOT NULL,
    PRIMARY KEY (patient, lo)
) WITHOUT ROWID;
CREATE INDEX governed_policy ON governed (policy);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE job (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL,
    args     BLOB,
    progress BLOB,
    result   BLOB,
    error    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    max      INTEGER NOT NULL,
    run_at   INTEGER NOT NULL,
    lease    INTEGER NOT NULL,
    holder   TEXT NOT NULL,
    created  INTEGER NOT NULL,
    ended    INTEGER NOT NULL
);
CREATE INDEX job_due ON job (state, kind, run_at);
