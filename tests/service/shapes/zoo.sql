-- One revision with the shapes of tables that applications have. Each is of a kind that has lost, doubled or refused rows once.

-- Numbers: an identity in the key, one beside it, serial, a default of one's own, one that counts down, one kept as text.
-- shape: identity, always generated, in a key
-- shape: mixed-case names and reserved words
-- shape: arrays of one and two dimensions
-- shape: JSON as it was written
-- shape: ranges and multiranges of PostgreSQL's own
CREATE TABLE "OrderItems" (
    tenant_id   uuid NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    "user"      text,
    "order"     int NOT NULL DEFAULT 1,
    "Ünïcode ✓" text,
    amount      numeric(12, 4),
    tags        text[] NOT NULL DEFAULT '{}',
    grid        int[][],
    payload     jsonb,
    raw         json,
    blob        bytea,
    real8       float8,
    span        interval,
    during      daterange,
    spans       int4multirange,
    addr        inet,
    vec         tsvector GENERATED ALWAYS AS (to_tsvector('simple', coalesce("user", ''))) STORED,
    at          timestamptz NOT NULL DEFAULT now(),
    t           time with time zone,
    bits        bit varying(9),
    flag        "char",
    PRIMARY KEY (tenant_id, id)
);
-- shape: an index with parameters of its own
CREATE INDEX ON "OrderItems" USING gin (tags) WITH (fastupdate = off);
-- shape: a unique index of some rows
CREATE UNIQUE INDEX one_open ON "OrderItems" (tenant_id, "user") WHERE "order" > 10;
-- shape: serial in a key
-- shape: a key with a fill factor and a comment
CREATE TABLE invoices (
    tenant_id uuid NOT NULL,
    id        bigserial,
    note      text,
    PRIMARY KEY (tenant_id, id) WITH (fillfactor = 71)
);
COMMENT ON CONSTRAINT invoices_pkey ON invoices IS 'numbers';
-- shape: a uuid in a composite key
-- shape: identity beside the key
CREATE TABLE tickets (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    number    bigint GENERATED ALWAYS AS IDENTITY,
    note      text,
    PRIMARY KEY (tenant_id, id)
);
-- shape: a sequence of its own in a default
-- shape: a sequence that counts down
-- shape: a number kept as text
-- shape: a covering key
-- shape: a unique key that is checked late
CREATE SEQUENCE "Odd Numbers" INCREMENT 2;
CREATE SEQUENCE down INCREMENT -1;
CREATE SEQUENCE words START 100;
CREATE TABLE counters (
    tenant_id uuid NOT NULL,
    odd       integer NOT NULL DEFAULT nextval('"Odd Numbers"'),
    below     smallint NOT NULL DEFAULT nextval('down'),
    word      text NOT NULL DEFAULT nextval('words')::text,
    note      text,
    PRIMARY KEY (tenant_id, odd) INCLUDE (note),
    UNIQUE (tenant_id, below) DEFERRABLE
);

-- References: to itself, in a circle that may be checked late, in one that may not.
-- shape: a table that points at itself
-- shape: a reference that is checked at the end
CREATE TABLE "Select" (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    parent    uuid,
    item      bigint,
    label     varchar(20),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, parent) REFERENCES "Select" (tenant_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (tenant_id, item) REFERENCES "OrderItems" (tenant_id, id) DEFERRABLE INITIALLY DEFERRED
);
-- shape: a circle of two that is checked late
CREATE TABLE teams (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    lead      uuid,
    PRIMARY KEY (tenant_id, id)
);
CREATE TABLE members (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    team      uuid NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, team) REFERENCES teams (tenant_id, id)
);
ALTER TABLE teams ADD FOREIGN KEY (tenant_id, lead) REFERENCES members (tenant_id, id) DEFERRABLE INITIALLY DEFERRED;
-- shape: a circle of two that is checked at once
CREATE TABLE eggs (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    hen       uuid NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE TABLE hens (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    egg       uuid NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, egg) REFERENCES eggs (tenant_id, id) ON DELETE RESTRICT
);
ALTER TABLE eggs ADD FOREIGN KEY (tenant_id, hen) REFERENCES hens (tenant_id, id);

-- Partitions: by range, by list with a default, by hash below them.
-- shape: partitions by range, with a default
CREATE TABLE events (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    at        date NOT NULL,
    what      text,
    PRIMARY KEY (tenant_id, id, at)
) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
-- shape: partitions by list, and by hash below them
-- shape: identity in the key of a partitioned table, given by default
CREATE TABLE visits (
    tenant_id uuid NOT NULL,
    kind      text NOT NULL,
    number    bigint GENERATED BY DEFAULT AS IDENTITY,
    PRIMARY KEY (tenant_id, kind, number)
) PARTITION BY LIST (kind);
CREATE TABLE visits_web PARTITION OF visits FOR VALUES IN ('web') PARTITION BY HASH (number);
CREATE TABLE visits_web_0 PARTITION OF visits_web FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE visits_web_1 PARTITION OF visits_web FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE visits_other PARTITION OF visits DEFAULT;

-- Inheritance: the children's rows are their own.
-- shape: a table that another inherits from
CREATE TABLE animals (tenant_id uuid NOT NULL, name text NOT NULL, PRIMARY KEY (tenant_id, name));
CREATE TABLE cats (lives int NOT NULL DEFAULT 9, PRIMARY KEY (tenant_id, name)) INHERITS (animals);

-- No key; a key that JSON does not write as SQL does.
-- shape: no key at all
CREATE TABLE no_key (tenant_id uuid NOT NULL, line text);
-- shape: an enumeration in a key and in an array
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE moods (tenant_id uuid NOT NULL, mood mood NOT NULL, day date NOT NULL, moods mood[], PRIMARY KEY (tenant_id, mood, day));
-- shape: two names of 63 letters that begin alike
CREATE TABLE "a table whose name is as long as PostgreSQL lets a name be: one" (tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id));
CREATE TABLE "a table whose name is as long as PostgreSQL lets a name be: two" (tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id));
-- shape: an array and a range in a key
CREATE TABLE boxes (tenant_id uuid NOT NULL, path text[] NOT NULL, size int4range NOT NULL, PRIMARY KEY (tenant_id, path, size));

-- Triggers: one that changes rows, one that finds its table by the caller's search path, one with its own, one for statements, one that
-- fires always, one of a partition alone.
CREATE TABLE notes (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL DEFAULT gen_random_uuid(),
    body       text NOT NULL,
    updated_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE TABLE note_history (
    tenant_id uuid NOT NULL,
    note      uuid NOT NULL,
    op        text NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- shape: a trigger that changes the row
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch();
-- shape: a trigger that writes into another table, found by the caller's search path
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO note_history (tenant_id, note, op) VALUES (coalesce(NEW.tenant_id, OLD.tenant_id), coalesce(NEW.id, OLD.id), TG_OP); RETURN NULL; END $$;
CREATE TRIGGER remember AFTER INSERT OR UPDATE OR DELETE ON notes FOR EACH ROW EXECUTE FUNCTION remember();
-- shape: a trigger with a search path of its own, which fires always
CREATE FUNCTION remember_here() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN INSERT INTO note_history (tenant_id, note, op) VALUES (coalesce(NEW.tenant_id, OLD.tenant_id), coalesce(NEW.id, OLD.id), TG_OP || ' here'); RETURN NULL; END $$;
CREATE TRIGGER remember_here AFTER INSERT OR UPDATE OR DELETE ON notes FOR EACH ROW EXECUTE FUNCTION remember_here();
ALTER TABLE notes ENABLE ALWAYS TRIGGER remember_here;
-- shape: a trigger for statements
-- shape: a trigger of one partition
-- shape: a constraint trigger that fires at the end
CREATE FUNCTION count_statements() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN INSERT INTO note_history (tenant_id, note, op) VALUES (current_setting('app.tenant_id')::uuid, gen_random_uuid(), TG_OP || ' statement'); RETURN NULL; END $$;
CREATE TRIGGER count_statements AFTER INSERT OR UPDATE OR DELETE ON tickets FOR EACH STATEMENT EXECUTE FUNCTION count_statements();
CREATE TRIGGER count_visits AFTER INSERT ON visits_other FOR EACH STATEMENT EXECUTE FUNCTION count_statements();
CREATE CONSTRAINT TRIGGER remember_late AFTER INSERT ON animals DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_statements();

-- shape: a view
CREATE VIEW "Open Orders" WITH (security_invoker = true) AS SELECT tenant_id, id, "user", amount FROM "OrderItems" WHERE "order" > 1;
