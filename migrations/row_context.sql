-- Signed row contexts: what a cell's shared tables ask to learn whose rows a statement may see, once one tenant of the cell takes signed
-- contexts only. Applied as the tables' owner; idempotent. It stands in a schema that no application may use: isolation.sql
-- names the function in the policies, and a policy needs no USAGE. docs/row-context.md says what is in a token.
-- Settings: tenantry.app_role, who uses the tables.
CREATE SCHEMA IF NOT EXISTS tenantry_context;

-- HMAC's two padded keys, so that the server's own sha256() is enough: pgcrypto is not everywhere.
CREATE TABLE IF NOT EXISTS tenantry_context.keys (
    id             text PRIMARY KEY,
    inner_pad      bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad      bytea NOT NULL CHECK (octet_length(outer_pad) = 64),
    accepted_until timestamptz NOT NULL DEFAULT 'infinity'
);

-- Whose rows open to a token only. A tenant that is not here may name itself, as everywhere.
CREATE TABLE IF NOT EXISTS tenantry_context.signed_tenants (
    tenant_id uuid PRIMARY KEY,
    admitted  boolean NOT NULL                         -- false: suspended or off-boarded, its tokens open nothing
);

-- A token that is refused is an error, because its holder has to do something; a plain context that is not enough shows no rows,
-- as that of a tenant who does not exist.
CREATE OR REPLACE FUNCTION tenantry_context.tenant() RETURNS uuid
-- RESTRICTED: a parallel worker has a process id of its own.
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    token constant text := current_setting('app.tenant_token', true);
    message constant text := left(token, -65);         -- all but the last dot and 64 hex digits
    field constant text[] := string_to_array(message, '.');
    plain constant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    key record;
    mac bytea;
    expires timestamptz;
BEGIN
    IF token IS NULL OR token = '' THEN
        IF plain IS NULL OR NOT EXISTS (SELECT FROM tenantry_context.signed_tenants s WHERE s.tenant_id = plain)
                -- The platform at work: it logs in as a member of the tables' owner, who is the current user in here. No
                -- application can become the session's user by SET ROLE.
                OR pg_has_role(session_user, current_user, 'MEMBER') THEN
            RETURN plain;
        END IF;
        RETURN NULL;
    END IF;
    SELECT k.inner_pad, k.outer_pad INTO key FROM tenantry_context.keys k
    WHERE k.id = field[2] AND k.accepted_until > clock_timestamp();
    IF NOT FOUND OR cardinality(field) <> 5 OR octet_length(token) > 300 THEN
        RAISE insufficient_privilege USING MESSAGE = 'tenant context refused: not a token of this cell''s keys',
            HINT = 'Read the secret again: its key may have been replaced.';
    END IF;
    mac := sha256(key.outer_pad || sha256(key.inner_pad || convert_to(message, 'UTF8')));
    -- Hashed once more with the key before they are compared: how long that takes says nothing about the right one.
    IF sha256(key.outer_pad || convert_to(right(token, 64), 'UTF8')) <> sha256(key.outer_pad || convert_to(encode(mac, 'hex'), 'UTF8'))
            OR field[1] <> 'v1' THEN
        RAISE insufficient_privilege USING MESSAGE = 'tenant context refused: the signature is not right';
    END IF;
    -- From here on the token is what the application wrote. Not now(): a transaction could keep it valid for days.
    expires := to_timestamp(field[4]::bigint);
    IF expires <= clock_timestamp() OR expires > clock_timestamp() + interval '61 minutes' THEN
        RAISE insufficient_privilege USING MESSAGE = 'tenant context refused: expired, or valid for more than an hour',
            HINT = 'Make a new token for each transaction, and compare the clocks.';
    END IF;
    IF field[5] NOT IN ('0', pg_backend_pid()::text) THEN
        RAISE insufficient_privilege USING MESSAGE = 'tenant context refused: made for another session';
    END IF;
    IF EXISTS (SELECT FROM tenantry_context.signed_tenants s WHERE s.tenant_id = field[3]::uuid AND NOT s.admitted) THEN
        RAISE insufficient_privilege USING MESSAGE = 'tenant context refused: the tenant is suspended';
    END IF;
    -- What a statement of another tenant's left in a pooled session must not decide for the one that comes after it.
    IF plain <> field[3]::uuid THEN
        RAISE insufficient_privilege USING MESSAGE = 'tenant context refused: app.tenant_id names another tenant than the token',
            HINT = 'Set both in each transaction, app.tenant_token to an empty text where there is none.';
    END IF;
    RETURN field[3]::uuid;
END $$;

-- The application asks the function through policies, and may use nothing else of this.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON SCHEMA tenantry_context FROM PUBLIC, %I', current_setting('tenantry.app_role'));
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA tenantry_context FROM PUBLIC, %I', current_setting('tenantry.app_role'));
    EXECUTE format('REVOKE ALL ON FUNCTION tenantry_context.tenant() FROM PUBLIC, %I', current_setting('tenantry.app_role'));
    EXECUTE format('GRANT EXECUTE ON FUNCTION tenantry_context.tenant() TO %I', current_setting('tenantry.app_role'));
END $$;
