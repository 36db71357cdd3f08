CREATE TABLE flag_history (
    key        TEXT    NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    definition TEXT,
    at         INTEGER NOT NULL,
    by         TEXT    NOT NULL,
    why        TEXT    NOT NULL,
    PRIMARY KEY (key, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER flag_history_keeps_rows BEFORE UPDATE ON flag_history
    BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER flag_history_keeps_all_rows BEFORE DELETE ON flag_history
    BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

CREATE TABLE rollouts (
    unit    TEXT    PRIMARY KEY,
    state   TEXT    NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    at      INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    why     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rollout_history (
    unit    TEXT    NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    state   TEXT    NOT NULL,
    what    TEXT    NOT NULL,
    percent INTEGER CHECK (percent BETWEEN 0 AND 10000),
    at      INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    why     TEXT    NOT NULL,
    PRIMARY KEY (unit, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rollout_history_keeps_rows BEFORE UPDATE ON rollout_history
    BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER rollout_history_keeps_all_rows BEFORE DELETE ON rollout_history
    BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

CREATE TABLE alerts (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    unit    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    tries   INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    failure TEXT    NOT NULL DEFAULT '',
    sent    INTEGER NOT NULL DEFAULT 0 CHECK (sent IN (0, 1)),
    UNIQUE (key, target)
) STRICT;
CREATE INDEX alerts_due ON alerts (next_at, id) WHERE sent = 0;

CREATE TABLE evidence (
    unit  TEXT    NOT NULL,
    node  TEXT    NOT NULL,
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    body  BLOB    NOT NULL,
    PRIMARY KEY (unit, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE leadership (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    term INTEGER NOT NULL CHECK (term >= 1)
) STRICT;
