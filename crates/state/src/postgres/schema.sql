-- Names are compared byte by byte (COLLATE "C"), so that every store gives them in the same order. Times are nanoseconds
-- since the Unix epoch by the clock of the node that acted, except those of type timestamptz: these are the server's.

-- Every change of what nodes act upon begins by raising this, so such changes come one after the other.
CREATE TABLE banyan.revision (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    value bigint  NOT NULL
);
INSERT INTO banyan.revision (value) VALUES (0);

CREATE TABLE banyan.history (
    unit    text COLLATE "C" NOT NULL,
    version bigint           NOT NULL CHECK (version >= 1),
    percent smallint         CHECK (percent BETWEEN 0 AND 10000),
    held    boolean,
    at      bigint           NOT NULL,
    by      text             NOT NULL,
    why     text             NOT NULL,
    PRIMARY KEY (unit, version),
    CHECK ((percent IS NULL) = (held IS NULL))
);

CREATE TABLE banyan.flag_history (
    key        text COLLATE "C" NOT NULL,
    version    bigint           NOT NULL CHECK (version >= 1),
    definition text,
    at         bigint           NOT NULL,
    by         text             NOT NULL,
    why        text             NOT NULL,
    PRIMARY KEY (key, version)
);

CREATE TABLE banyan.rollouts (
    unit    text COLLATE "C" PRIMARY KEY,
    state   text             NOT NULL,
    version bigint           NOT NULL CHECK (version >= 1),
    at      bigint           NOT NULL,
    by      text             NOT NULL,
    why     text             NOT NULL
);

CREATE TABLE banyan.rollout_history (
    unit    text COLLATE "C" NOT NULL,
    version bigint           NOT NULL CHECK (version >= 1),
    state   text             NOT NULL,
    what    text             NOT NULL,
    percent smallint         CHECK (percent BETWEEN 0 AND 10000),
    at      bigint           NOT NULL,
    by      text             NOT NULL,
    why     text             NOT NULL,
    PRIMARY KEY (unit, version)
);

CREATE FUNCTION banyan.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'history is append-only'; END $$;
CREATE TRIGGER history_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON banyan.history
    FOR EACH STATEMENT EXECUTE FUNCTION banyan.refuse();
CREATE TRIGGER history_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON banyan.flag_history
    FOR EACH STATEMENT EXECUTE FUNCTION banyan.refuse();
CREATE TRIGGER history_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON banyan.rollout_history
    FOR EACH STATEMENT EXECUTE FUNCTION banyan.refuse();

CREATE TABLE banyan.alerts (
    id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unit    text    NOT NULL,
    key     text    NOT NULL,
    target  text    NOT NULL,
    body    text    NOT NULL,
    tries   bigint  NOT NULL DEFAULT 0,
    next_at bigint  NOT NULL,
    failure text    NOT NULL DEFAULT '',
    sent    boolean NOT NULL DEFAULT false
);
-- By digests, for an address may be longer than what an index takes.
CREATE UNIQUE INDEX alerts_are_told_once ON banyan.alerts (md5(key), md5(target));
CREATE INDEX alerts_due ON banyan.alerts (next_at, id) WHERE NOT sent;

CREATE TABLE banyan.nodes (
    node          text COLLATE "C" PRIMARY KEY,
    address       text             NOT NULL,
    started_at    bigint           NOT NULL,
    config_hash   text             NOT NULL,
    program       text             NOT NULL,
    generation    bigint           NOT NULL,
    cut_off_since bigint,
    seen          timestamptz      NOT NULL
);

-- Not in the server's log of changes, since it is written several times a second, and what a crash of the server loses is
-- put there again by the nodes that saw it.
CREATE UNLOGGED TABLE banyan.evidence (
    unit  text COLLATE "C" NOT NULL,
    node  text COLLATE "C" NOT NULL,
    epoch bigint           NOT NULL,
    body  bytea            NOT NULL,
    PRIMARY KEY (unit, node)
);

-- Who leads is who holds an advisory lock; this is in which term, and whether they still act.
CREATE TABLE banyan.leadership (
    one     boolean     PRIMARY KEY DEFAULT true CHECK (one),
    term    bigint      NOT NULL CHECK (term >= 1),
    node    text        NOT NULL,
    backend integer     NOT NULL,
    seen    timestamptz NOT NULL
);

CREATE TABLE banyan.secrets (
    name  text  PRIMARY KEY,
    value bytea NOT NULL CHECK (octet_length(value) = 32)
);

CREATE TABLE banyan.hot_urls (
    place  bigint  PRIMARY KEY,
    host   text    NOT NULL,
    target text    NOT NULL,
    secure boolean NOT NULL,
    count  bigint  NOT NULL CHECK (count >= 0)
);
