-- Row-level security and the application role's rights, for everything in the current schema. Applied after the migrations on every
-- create and change of a store, so a new table cannot be forgotten and a dropped policy comes back.
-- Settings: tenantry.app_role, who uses the tables; tenantry.tenant_id, the only tenant of a store of its own, or '' where many
-- share the tables; tenantry.platform_role, the one role that may work across tenants, or '': its tables are the control database's,
-- where control_grants.yaml says who may do what, and nothing is granted here; tenantry.only, the relations that
-- unguarded.sql found to need it, as an array, or not set: all of them. It leaves what it did to the tables in tenantry.guards.
DO $$
DECLARE
    target record;
    policy name;
    guards text := '';
    -- In policies as a SELECT of its own, which PostgreSQL asks once for a statement, not once for each row.
    context constant text := 'NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid';
    -- Shared tables ask the function of row_context.sql where it is: then a tenant of the cell takes signed contexts only.
    shared constant text := CASE WHEN to_regprocedure('tenantry_context.tenant()') IS NULL THEN context ELSE 'tenantry_context.tenant()' END;
    -- In shared tables no context means no rows. A tenant's own store knows its tenant without one, and refuses another's.
    tenant constant text := CASE current_setting('tenantry.tenant_id')
        WHEN '' THEN format('tenant_id = (SELECT %s)', shared)
        ELSE format('tenant_id = %1$L::uuid AND (SELECT coalesce(%2$s, %1$L::uuid) = %1$L::uuid)', current_setting('tenantry.tenant_id'), context)
    END;
    -- A revision changes the rows of every tenant. Only in a session that may become the owner, and so could lift row security
    -- altogether: not in a function of the owner's that the application calls.
    migrating constant text := '(SELECT current_setting(''tenantry.migrating'', true) = ''on'' AND pg_has_role(session_user, current_user, ''SET''))';
    app_role constant text := current_setting('tenantry.app_role');
    platform_role constant text := current_setting('tenantry.platform_role');
    -- The registry's tables without a tenant_id are the platform's, not the application's.
    control constant boolean := platform_role <> '';
    pooled constant boolean := current_setting('tenantry.tenant_id') = '' AND NOT control;
    -- Where rows are staged the owner stands in for the application's role: it keeps its rights as an owner.
    strangers constant text := CASE app_role WHEN current_user THEN 'PUBLIC' ELSE format('PUBLIC, %I', app_role) END;
    only_these constant name[] := NULLIF(current_setting('tenantry.only', true), '');
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), app_role);
    FOR target IN
        SELECT c.oid::regclass AS name, c.relkind, a.attnum IS NOT NULL AS tenants
        -- Through pg_depend, because pg_class has no index by schema: among a thousand of them, reading it all costs more than the rest.
        FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v')
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = current_schema()::regnamespace AND d.classid = 'pg_class'::regclass
            AND (a.attnum IS NOT NULL OR NOT control AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relname <> 'alembic_version')
            AND (only_these IS NULL OR c.relname = ANY (only_these))
            -- An identity column asks nobody for its sequence, and what numbers a lookup table's rows is not the application's.
            AND NOT (c.relkind = 'S' AND EXISTS (
                SELECT FROM pg_depend o LEFT JOIN pg_attribute t
                    ON t.attrelid = o.refobjid AND t.attname = 'tenant_id' AND NOT t.attisdropped
                WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.refclassid = 'pg_class'::regclass
                    AND (o.deptype = 'i' OR o.deptype = 'a' AND t.attnum IS NULL)))
        ORDER BY c.relname
    LOOP
        IF target.relkind = 'v' THEN
            guards := guards || format('ALTER VIEW %s SET (security_invoker = true);', target.name);
            IF platform_role = '' THEN
                -- It runs with the rights of whoever writes through it, and so cannot do more than these.
                guards := guards || format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I;', target.name, app_role);
            END IF;
            CONTINUE;
        ELSIF target.relkind = 'S' THEN  -- to take the next number, not to set it
            guards := guards || format('REVOKE ALL ON SEQUENCE %s FROM %s;', target.name, strangers)
                || format('GRANT USAGE ON SEQUENCE %s TO %I;', target.name, app_role);
            CONTINUE;
        ELSIF target.relkind = 'm' THEN  -- nothing can guard its rows
            guards := guards || format('REVOKE ALL ON %s FROM %s;', target.name, strangers);
            CONTINUE;
        ELSIF NOT target.tenants THEN  -- a lookup table: a revision wrote its rows, the same for everybody
            guards := guards || format('REVOKE ALL ON %s FROM %s;', target.name, strangers)
                || format('GRANT SELECT ON %s TO %I;', target.name, app_role);
            CONTINUE;
        END IF;
        guards := guards || format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', target.name);
        -- Policies add up: one more would open what ours closes. But a restrictive one only closes, and that of a restore under way
        -- keeps its tenant out until the restore takes it away (tenantry/stores/doors.py).
        FOR policy IN
            SELECT polname FROM pg_policy
            WHERE polrelid = target.name AND (polpermissive OR polname !~ '^closed_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
        LOOP
            guards := guards || format('DROP POLICY %I ON %s;', policy, target.name);
        END LOOP;
        guards := guards || format('CREATE POLICY tenant_isolation ON %s USING (%s) WITH CHECK (%s);', target.name, tenant, tenant)
            -- Not TRUNCATE, REFERENCES or TRIGGER: none of them asks a policy.
            || CASE platform_role WHEN '' THEN format('REVOKE ALL ON %s FROM PUBLIC, %I;', target.name, app_role)
                || format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I;', target.name, app_role) ELSE '' END;
        IF pooled THEN
            guards := guards || format('CREATE POLICY migration ON %s TO %I USING (%s) WITH CHECK (%s);',
                target.name, current_user, migrating, migrating);
        ELSIF control THEN
            guards := guards || format('CREATE POLICY platform ON %s TO %I USING (true) WITH CHECK (true);', target.name, platform_role);
        END IF;
    END LOOP;
    EXECUTE guards;
    PERFORM set_config('tenantry.guards', guards, true);
    -- Nobody else comes into the database, and who comes makes no temporary tables: CONNECT is all. Stores of one database change the
    -- same catalog row: of two at once the second waits, fails ("tuple concurrently updated"), and looks again.
    FOR attempt IN 1..20 LOOP
        EXIT WHEN NOT has_database_privilege('public', current_database(), 'CONNECT, TEMPORARY')
            AND (app_role = current_user  -- a restore makes its tables with nobody to use them but their owner
                OR has_database_privilege(app_role, current_database(), 'CONNECT')
                    AND NOT has_database_privilege(app_role, current_database(), 'TEMPORARY, CREATE'));
        BEGIN
            EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
            IF app_role <> current_user THEN
                EXECUTE format('REVOKE ALL ON DATABASE %1$I FROM %2$I; GRANT CONNECT ON DATABASE %1$I TO %2$I', current_database(), app_role);
            END IF;
        EXCEPTION WHEN internal_error THEN
            IF attempt = 20 THEN RAISE; END IF;
        END;
    END LOOP;
END $$;
