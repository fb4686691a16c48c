-- Tenants' own people (tenantry__portal, ../control_grants.yaml) change configuration by functions alone, each of which looks who asks: not by
-- an id that anybody could write, but by the digest of a session, or of the page that a portal link has opened.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- What a tenant's administrator may change at runtime; filled from tenantry/declaration/keys.py with each `tenantry up`.
CREATE TABLE portal_keys (
    config_key text PRIMARY KEY,
    type       text NOT NULL,
    minimum    integer,                                -- of characters
    maximum    integer,
    lines      boolean NOT NULL                        -- whether it may be more than one line
);

-- Whoever has what `proof` is the digest of, in the tenant whose context is set: somebody who is signed in, or who has opened a link's page.
-- `wanted`: what he has to be for, configuration or people; `self`: to be signed in; null: either. The history and the log name him.
CREATE FUNCTION portal_asks(proof bytea, wanted text, OUT tenant uuid, OUT person uuid, OUT called text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    context constant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    SELECT s.tenant, u.id, 'user:' || u.id INTO tenant, person, called
    FROM sessions s JOIN users u ON u.tenant_id = s.tenant AND u.id = s.user_id
    WHERE s.digest = proof AND s.tenant = context AND s.idle_until > now() AND s.expires_at > now()
        AND (wanted IS NULL OR wanted = 'self' OR u.role = 'admin');
    IF NOT FOUND THEN
        SELECT l.tenant, 'link:' || l.id INTO tenant, called FROM portal_links l
        WHERE l.pass = proof AND l.tenant = context AND l.pass_until > now() AND (wanted IS NULL OR l.intent = wanted);
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody who may is signed in with that' USING ERRCODE = 'invalid_authorization_specification';
    ELSIF wanted IN ('configuration', 'people') THEN
        PERFORM context_tenant();  -- nothing in a tenant that is shut
    END IF;
    PERFORM set_config('tenantry.actor', called, true), set_config('tenantry.run_id', '', true);
END $$;

-- The door asks it first: without somebody of that tenant it stays shut.
CREATE FUNCTION portal_enter(proof bytea) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM portal_asks(proof, NULL);
END $$;

-- The tenant whose context is set, without the labels by which partners are told apart, and without where its rows are.
CREATE FUNCTION own_tenant(OUT id uuid, OUT slug text, OUT name text, OUT tier text, OUT isolation text, OUT cell text, OUT state text,
                           OUT host text, OUT limits jsonb, OUT bucket text, OUT prefix text)
RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER ROWS 1 SET search_path FROM CURRENT AS $$
    SELECT t.id, t.slug, t.name, t.tier, t.isolation, t.cell, t.state, t.host, t.limits, t.bucket, t.prefix FROM tenants t
    WHERE t.id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND t.deleted_at IS NULL
$$;

-- The portal's own people change no row by themselves, only by functions that have looked who they are: what these say counts.
CREATE OR REPLACE FUNCTION record_configuration_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    trusted constant boolean := asked_by_platform() OR asking_role() = 'tenantry__portal';
    said constant text := NULLIF(current_setting('tenantry.actor', true), '');
    actor constant text := CASE WHEN trusted THEN said ELSE concat_ws(': ', asking_role(), said) END;
    run constant uuid := CASE WHEN trusted THEN NULLIF(current_setting('tenantry.run_id', true), '')::uuid END;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tenant_configuration_history (tenant_id, config_key, new_value, source, changed_by, run_id)
        SELECT tenant_id, config_key, config_value, source, coalesce(actor, updated_by), run FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tenant_configuration_history (tenant_id, config_key, old_value, old_source, source, changed_by, run_id)
        SELECT tenant_id, config_key, config_value, source, source, coalesce(actor, asking_role()), run FROM old_rows;
    ELSE
        INSERT INTO tenant_configuration_history
            (tenant_id, config_key, old_value, old_source, new_value, source, changed_by, run_id)
        SELECT tenant_id, config_key, o.config_value, o.source, n.config_value, coalesce(n.source, o.source),
               coalesce(actor, n.updated_by, asking_role()), run
        FROM old_rows o FULL JOIN new_rows n USING (tenant_id, config_key)
        WHERE (o.config_value, o.source) IS DISTINCT FROM (n.config_value, n.source);
    END IF;
    RETURN NULL;
END $$;

-- Refuses a key that is not a tenant's to change, and a value that is not of its kind. What needs a parser (CSS, pictures, time zones) has
-- been checked before; here nothing gets in that could leave the place where it is put.
CREATE FUNCTION portal_value(key text, value jsonb) RETURNS void LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    ours portal_keys%ROWTYPE;
    said constant text := value #>> '{}';
    right_kind boolean;
BEGIN
    SELECT * INTO ours FROM portal_keys k WHERE k.config_key = key;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is not for a tenant to change', coalesce(key, 'null') USING ERRCODE = 'invalid_parameter_value';
    ELSIF value IS NULL THEN
        RETURN;  -- taken back
    END IF;
    right_kind := CASE
        WHEN ours.type = 'boolean' THEN jsonb_typeof(value) = 'boolean'
        WHEN jsonb_typeof(value) <> 'string' OR length(said) NOT BETWEEN coalesce(ours.minimum, 1) AND coalesce(ours.maximum, 2000) THEN false
        -- As tenantry/text.py: what a reader would not see. A text of several lines has line ends and tabs, and joins scripts that need it.
        WHEN NOT ours.lines AND said ~ '[[:cntrl:]\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]'
            AND ours.type <> 'template' THEN false
        WHEN said ~ '[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200c\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]'
            THEN false
        WHEN NOT ours.lines AND said ~ '[\r\n]' THEN false
        WHEN ours.type = 'colour' THEN said ~ '^#[0-9a-f]{6}$'
        WHEN ours.type = 'font' THEN said ~ '^[A-Za-z0-9]([A-Za-z0-9 _-]{0,62}[A-Za-z0-9])?$'
        WHEN ours.type = 'asset' THEN said ~ '^uploads/[0-9a-f]{32}[.](svg|png|ico)$'
        WHEN ours.type = 'url' THEN said ~* '^https://[^[:space:]"''<>\\]+$'
        WHEN ours.type = 'text' THEN said = btrim(said) AND strpos(said, '=?') = 0
        WHEN ours.type = 'css' THEN said !~ '</|<!|<[?]|-->'
        WHEN ours.type = 'template' THEN (ours.lines OR strpos(said, '=?') = 0)
            AND regexp_replace(said, '(?<!\{)\{\{ *[A-Za-z_][A-Za-z0-9_]{0,63} *\}\}', ' ', 'g') !~ '\{\{|\}\}|\{%|%\}|\{#|#\}'
        ELSE false END;
    IF NOT coalesce(right_kind, false) THEN
        RAISE EXCEPTION '% takes another value: its kind is %', key, ours.type USING ERRCODE = 'invalid_parameter_value';
    END IF;
END $$;

-- The row's value and source before and after; null: there is none.
CREATE FUNCTION portal_set_configuration(proof bytea, key text, value jsonb, OUT old_value jsonb, OUT old_source text, OUT new_value jsonb,
                                         OUT new_source text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    editor constant record := portal_asks(proof, 'configuration');
BEGIN
    IF value IS NULL THEN
        RAISE EXCEPTION '% needs a value', coalesce(key, 'null') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM portal_value(key, value);
    SELECT c.config_value, c.source INTO old_value, old_source FROM tenant_configurations c
    WHERE c.tenant_id = editor.tenant AND c.config_key = key FOR UPDATE;
    INSERT INTO tenant_configurations AS c (tenant_id, config_key, config_value, source, updated_by)
    VALUES (editor.tenant, key, value, 'runtime', editor.called)
    ON CONFLICT (tenant_id, config_key) DO UPDATE SET
        config_value = EXCLUDED.config_value,
        source = CASE WHEN c.declared_value = EXCLUDED.config_value THEN 'declaration' ELSE 'runtime' END,
        updated_at = now(), updated_by = EXCLUDED.updated_by
        WHERE c.config_value <> EXCLUDED.config_value;
    SELECT c.config_value, c.source INTO new_value, new_source FROM tenant_configurations c
    WHERE c.tenant_id = editor.tenant AND c.config_key = key;
END $$;

CREATE FUNCTION portal_unset_configuration(proof bytea, key text, OUT old_value jsonb, OUT old_source text, OUT new_value jsonb,
                                           OUT new_source text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    editor constant record := portal_asks(proof, 'configuration');
BEGIN
    PERFORM portal_value(key, NULL);
    SELECT c.config_value, c.source INTO old_value, old_source FROM tenant_configurations c
    WHERE c.tenant_id = editor.tenant AND c.config_key = key FOR UPDATE;
    DELETE FROM tenant_configurations c
    WHERE c.tenant_id = editor.tenant AND c.config_key = key AND c.source = 'runtime' AND c.declared_value IS NULL;
    UPDATE tenant_configurations c
    SET config_value = c.declared_value, source = 'declaration', updated_at = now(), updated_by = editor.called
    WHERE c.tenant_id = editor.tenant AND c.config_key = key AND c.source = 'runtime';
    SELECT c.config_value, c.source INTO new_value, new_source FROM tenant_configurations c
    WHERE c.tenant_id = editor.tenant AND c.config_key = key;
END $$;

SELECT set_config('search_path', quote_ident(current_schema()), true);
