-- Domains of the addresses of tenants' people, proved by DNS: docs/onboarding.md. Which domains a tenant declares is in its configuration.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE email_domains (
    tenant      uuid NOT NULL,                         -- not `tenant_id`: the application has no business here (0004)
    domain      text NOT NULL,
    token       text NOT NULL,                         -- what its DNS has to say; of this tenant's alone, and no secret
    verified_at timestamptz,                           -- null: its DNS did not say so when it was last asked
    checked_at  timestamptz,
    problem     text,
    PRIMARY KEY (tenant, domain)
);
CREATE UNIQUE INDEX email_domains_one_tenant ON email_domains (domain) WHERE verified_at IS NOT NULL;

-- Which tenants' files name a domain now. A tenant that is gone has no such row.
CREATE VIEW declared_email_domains WITH (security_invoker = true) AS
SELECT c.tenant_id AS tenant, named.domain, e.token, e.verified_at, e.checked_at, e.problem
FROM tenant_configurations c
CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(c.config_value) WHEN 'array' THEN c.config_value ELSE '[]' END) AS named (domain)
JOIN tenants t ON t.id = c.tenant_id AND t.deleted_at IS NULL AND t.state NOT IN ('archived', 'deleted')
LEFT JOIN email_domains e ON e.tenant = c.tenant_id AND e.domain = named.domain
WHERE c.config_key = 'sign_in.email_domains';

-- Somebody whose address is at a domain that the tenant has proved becomes a member of it, with what whoever accepts an invitation gets
-- (0019). null: there is a user of that address. The caller holds the tenant in its state, and others off.
CREATE FUNCTION arrive(tenant uuid, address text, user_name text, by_whom text) RETURNS uuid
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    home text;
    person uuid;
BEGIN
    SELECT t.host INTO home FROM tenants t WHERE t.id = tenant;
    IF EXISTS (SELECT FROM users u WHERE u.tenant_id = tenant AND lower(u.email) = lower(address)) THEN
        RETURN NULL;
    END IF;
    INSERT INTO users (tenant_id, email, name, role) VALUES (tenant, address, visible_line(user_name, 100), 'member')
    RETURNING id INTO person;
    INSERT INTO user_settings (tenant_id, user_id, setting_key, setting_value)
    SELECT tenant, person, d.name, coalesce(c.config_value, d.value)
    FROM (VALUES ('locale', '"en"'::jsonb), ('time_zone', '"UTC"'), ('email_notifications', 'true')) AS d (name, value)
    LEFT JOIN tenant_configurations c ON c.tenant_id = tenant AND c.config_key = 'user_defaults.' || d.name
    ON CONFLICT DO NOTHING;
    INSERT INTO audit_log (tenant_id, actor, action, outcome)
    VALUES (tenant, by_whom, 'user', format('%s came in by the domain of the address, member', person));
    -- Beginning as the welcome of whoever was invited, so that a suspension cancels it too.
    INSERT INTO outbox (tenant_id, kind, key, recipient, parameters)
    VALUES (tenant, 'welcome', format('welcome:%s:arrived', person), address,
            jsonb_build_object('user_name', user_name, 'tour_url', format('https://%s/tour', home)));
    RETURN person;
END $$;

SELECT set_config('search_path', quote_ident(current_schema()), true);
