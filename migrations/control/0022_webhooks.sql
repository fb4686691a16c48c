-- Partners' programs are told of what happens to their tenants: docs/webhooks.md. An event is written in the transaction of what it tells,
-- by ids and states alone; a worker gives it to the endpoints that may have it, each with a place in that endpoint's order.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE webhook_endpoints (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    holder        text NOT NULL,                       -- of keys (api_keys): an endpoint is told what a key of his that works may see
    url           text NOT NULL,
    events        text[] NOT NULL,                     -- {}: every event
    labels        jsonb NOT NULL,                      -- only of tenants that carry all of these
    contact       text NOT NULL,                       -- the address that is told when it is disabled
    -- Names of secrets. A secret is derived from its name and a key that is not in this database. Two sign while one follows the other.
    secret        uuid NOT NULL DEFAULT gen_random_uuid(),
    former        uuid,
    former_until  timestamptz,
    state         text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    sequence      bigint NOT NULL DEFAULT 0,           -- the last place that was given away
    -- How its order fares: what is first keeps what follows waiting.
    tries         integer NOT NULL DEFAULT 0,
    not_before    timestamptz NOT NULL DEFAULT now(),
    failing_since timestamptz,
    cause         text,
    disabled_at   timestamptz,
    told_at       timestamptz,                         -- when the contact was told so
    -- Who is sending to it. No lock: a request may take long, and a transaction may not.
    claim         uuid,
    claimed_until timestamptz,
    served_at     timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    created_by    text NOT NULL
);
CREATE INDEX webhook_endpoints_holder ON webhook_endpoints (holder);

CREATE TABLE webhook_events (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),  -- the header webhook-id
    number     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    at         timestamptz NOT NULL DEFAULT now(),
    tenant     uuid,                                   -- not `tenant_id`: the application has no business here (0004). null: a test
    type       text NOT NULL,
    scope      text NOT NULL,                          -- what a key must be for that may see it
    data       jsonb NOT NULL,
    divided_at timestamptz                             -- when the endpoints got it
);
CREATE INDEX webhook_events_new ON webhook_events (number) WHERE divided_at IS NULL;

CREATE TABLE webhook_deliveries (
    endpoint    uuid NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    event       uuid NOT NULL REFERENCES webhook_events (id) ON DELETE CASCADE,
    sequence    bigint,                                -- null: a test stands in no order
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'failed', 'withheld')),
    apart       boolean NOT NULL DEFAULT false,        -- a test, or once more: it waits for nothing else, and nothing waits for it
    tries       integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT now(),    -- of one apart; the others wait for their endpoint
    status      integer,                               -- the last answer's; null: there was none
    cause       text,                                  -- why it was not taken
    tried_at    timestamptz,
    finished_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (endpoint, event),
    UNIQUE (endpoint, sequence)
);
CREATE INDEX webhook_deliveries_queued ON webhook_deliveries (endpoint, apart, sequence) WHERE state = 'queued';
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event);

-- Whether a holder has a key that works, is for `needed`, and sees the tenant, which also carries `carried`.
CREATE FUNCTION webhook_sees(asking text, carried jsonb, subject uuid, needed text) RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT EXISTS (
        SELECT FROM tenants t JOIN api_keys k ON k.labels <@ t.labels
        WHERE t.id = subject AND carried <@ t.labels AND k.holder = asking AND needed = ANY (k.scopes)
          AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()))
$$;

-- An event for the row that changed. Whoever changes it can neither leave it out nor write another. Nothing where nobody listens.
CREATE FUNCTION tell_webhooks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    changed constant jsonb := to_jsonb(NEW);
    before constant jsonb := to_jsonb(OLD);
BEGIN
    IF NOT EXISTS (SELECT FROM webhook_endpoints) THEN
        RETURN NULL;
    END IF;
    INSERT INTO webhook_events (tenant, type, scope, data)
    SELECT coalesce(changed ->> 'tenant_id', changed ->> 'id')::uuid, told.* FROM (
        SELECT 'run.' || (changed ->> 'state'), 'tenants:read',
               jsonb_build_object('run', changed -> 'id', 'kind', changed -> 'kind', 'state', changed -> 'state')
        WHERE TG_TABLE_NAME = 'runs'
        UNION ALL
        SELECT CASE TG_OP WHEN 'INSERT' THEN 'tenant.created' ELSE 'tenant.state_changed' END, 'tenants:read',
               jsonb_build_object('state', changed -> 'state', 'previous', before -> 'state')
        WHERE TG_TABLE_NAME = 'tenants'
        UNION ALL
        SELECT 'invitation.accepted', 'people:read', jsonb_build_object('invitation', changed -> 'id', 'user', changed -> 'user_id')
        WHERE TG_TABLE_NAME = 'invitations'
        UNION ALL
        SELECT 'backup.' || (changed ->> 'state'), 'tenants:read',
               jsonb_build_object('backup', changed -> 'id', 'state', changed -> 'state')
        WHERE TG_TABLE_NAME = 'backups'
    ) AS told (type, scope, data);
    RETURN NULL;
END $$;

CREATE TRIGGER webhooks_update AFTER UPDATE OF state ON runs FOR EACH ROW
    WHEN (NEW.tenant_id IS NOT NULL AND NEW.state IS DISTINCT FROM OLD.state AND NEW.state IN ('done', 'failed', 'cancelled'))
    EXECUTE FUNCTION tell_webhooks();
CREATE TRIGGER webhooks_insert AFTER INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION tell_webhooks();
CREATE TRIGGER webhooks_update AFTER UPDATE OF state ON tenants FOR EACH ROW
    WHEN (NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION tell_webhooks();
CREATE TRIGGER webhooks_update AFTER UPDATE OF accepted_at ON invitations FOR EACH ROW
    WHEN (OLD.accepted_at IS NULL AND NEW.accepted_at IS NOT NULL) EXECUTE FUNCTION tell_webhooks();
CREATE TRIGGER webhooks_update AFTER UPDATE OF state ON backups FOR EACH ROW
    WHEN (NEW.state IS DISTINCT FROM OLD.state AND NEW.state IN ('done', 'failed')) EXECUTE FUNCTION tell_webhooks();

SELECT set_config('search_path', quote_ident(current_schema()), true);
