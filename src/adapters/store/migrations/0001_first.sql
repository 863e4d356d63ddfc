-- Times are microseconds since 1970 in UTC. JSON that may change its shape carries a version beside it.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Tells this state apart from a copy of guard's configuration on another host.
INSERT INTO meta VALUES ('instance', lower(hex(randomblob(16))));

CREATE TABLE journal (
    workspace TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    event     TEXT    NOT NULL,
    PRIMARY KEY (workspace, seq)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER journal_is_not_rewritten BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_not_cut BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE evidence (
    seq  INTEGER PRIMARY KEY,
    line TEXT NOT NULL
) STRICT;
CREATE TRIGGER evidence_is_not_rewritten BEFORE UPDATE ON evidence BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END;
CREATE TRIGGER evidence_is_not_cut BEFORE DELETE ON evidence BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END;

CREATE TABLE notice (
    id     INTEGER PRIMARY KEY,
    dedup  TEXT    NOT NULL UNIQUE,
    at     INTEGER NOT NULL,
    body   TEXT    NOT NULL,
    -- Whether there is one delivery for each notifier that was known when the notice was first looked at.
    fanned INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX notice_not_fanned ON notice (id) WHERE fanned = 0;

CREATE TABLE delivery (
    id           INTEGER PRIMARY KEY,
    notice       INTEGER NOT NULL REFERENCES notice (id),
    notifier     TEXT    NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    -- NULL: settled, delivered or given up.
    next_attempt INTEGER,
    delivered_at INTEGER,
    answer       TEXT,
    UNIQUE (notice, notifier)
) STRICT;
CREATE INDEX delivery_waiting ON delivery (next_attempt) WHERE next_attempt IS NOT NULL;

-- What usage is counted for, once; `usage` refers to it by number.
CREATE TABLE series (
    id            INTEGER PRIMARY KEY,
    principal     TEXT    NOT NULL,
    workspace     TEXT    NOT NULL,
    model         TEXT    NOT NULL,
    billing       TEXT    NOT NULL,
    first_read_at INTEGER NOT NULL,
    -- The newest minute with usage. It survives pruning.
    last_minute   INTEGER,
    UNIQUE (principal, workspace, model, billing)
) STRICT;

-- Clustered by hour, then series: a poll touches few pages, and the history of one series is read without its neighbours'.
CREATE TABLE usage (
    hour           INTEGER NOT NULL,
    series         INTEGER NOT NULL,
    minute         INTEGER NOT NULL,
    uncached_input INTEGER NOT NULL,
    cache_read     INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    web_searches   INTEGER NOT NULL,
    PRIMARY KEY (hour, series, minute)
) STRICT, WITHOUT ROWID;

CREATE TABLE watch_state (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    workspace   TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    program     TEXT    NOT NULL,
    pid         INTEGER,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    exit_status INTEGER
) STRICT;
CREATE INDEX run_by_start ON run (workspace, started_at);
