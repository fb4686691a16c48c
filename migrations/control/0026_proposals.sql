-- What the service was asked to write into tenants' files, where each change is proposed on a forge: docs/declaration-store.md.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE proposals (
    id         uuid PRIMARY KEY,
    slug       text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('create', 'edit')),
    labels     jsonb NOT NULL,                         -- of the tenant: who sees it
    hosts      text[] NOT NULL,                        -- that nobody else may take meanwhile
    before     text CHECK ((kind = 'create') = (before IS NULL)),
    content    text NOT NULL,
    what       text NOT NULL,
    actor      text NOT NULL,
    via        text NOT NULL,
    request_id uuid,
    -- pending: the forge has not answered yet; merged: a run follows, by run_id
    state      text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'proposed', 'merged', 'rejected')),
    number     bigint,
    link       text,
    run_id     uuid,
    cause      text,                                   -- why the last attempt came to nothing
    tries      integer NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT now(),     -- while somebody is at it, when another may be
    created_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    CHECK (state NOT IN ('proposed', 'merged') OR number IS NOT NULL)
);
-- One that is under way for each tenant: two at once with one slug are one.
CREATE UNIQUE INDEX proposals_open ON proposals (slug) WHERE state IN ('pending', 'proposed') OR (state = 'merged' AND run_id IS NULL);
CREATE INDEX proposals_due ON proposals (not_before) WHERE state IN ('pending', 'proposed') OR (state = 'merged' AND run_id IS NULL);
CREATE INDEX proposals_new ON proposals (created_at, id);

SELECT set_config('search_path', quote_ident(current_schema()), true);
