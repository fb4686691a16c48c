-- A person comes in: docs/onboarding.md. Whichever door the code came through, the platform's or the application's, one function does it.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- What the application wants to know of a person, in words of its own.
ALTER TABLE users ADD COLUMN profile jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT users_profile_is_bounded CHECK (jsonb_typeof(profile) = 'object' AND length(profile::text) <= 20000);

ALTER TABLE invitations
    ADD COLUMN invited_by text,                        -- null: the platform invites the administrator whom the tenant's file names
    ADD COLUMN user_id uuid;                           -- who accepted it; the person may be gone since

-- Whoever has the code of an open invitation becomes a user of the tenant, with its settings; he is told so by mail, and reminded no more.
-- A refusal writes nothing. outcome: accepted; again (the same answer as the first time); used (whom it let in is gone), expired, revoked,
-- unknown; or the tenant's state where it lets nobody in.
CREATE FUNCTION onboard(tenant uuid, digest bytea, user_name text DEFAULT NULL, user_profile jsonb DEFAULT '{}', by_whom text DEFAULT NULL,
                        OUT outcome text, OUT person uuid, OUT person_role text, OUT page text, OUT settings jsonb)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    standing text;
    home text;
    invited invitations%ROWTYPE;
    called text;
BEGIN
    -- Held to the end: whoever gives the tenant another state waits, or is seen here.
    SELECT t.host INTO home FROM tenants t WHERE t.id = tenant FOR SHARE;
    SELECT d.state INTO standing FROM directory d WHERE d.id = tenant;
    IF standing NOT IN ('active', 'moving', 'deleted') THEN
        outcome := standing;
        RETURN;
    END IF;
    SELECT i.* INTO invited FROM invitations i WHERE i.tenant_id = tenant AND i.token_hash = digest FOR UPDATE;
    outcome := CASE
        WHEN invited.id IS NULL OR standing = 'deleted' THEN 'unknown'
        WHEN invited.revoked_at IS NOT NULL THEN 'revoked'
        WHEN invited.accepted_at IS NOT NULL THEN 'again'
        WHEN invited.expires_at > now() THEN 'accepted'
        ELSE 'expired' END;
    IF outcome NOT IN ('accepted', 'again') THEN
        RETURN;
    END IF;

    IF outcome = 'again' THEN
        -- Before there was user_id the address had to do.
        SELECT u.id, u.role INTO person, person_role FROM users u
        WHERE u.tenant_id = tenant AND CASE WHEN invited.user_id IS NULL THEN u.email = invited.email ELSE u.id = invited.user_id END;
        IF person IS NULL THEN
            outcome := 'used';
            RETURN;
        END IF;
    ELSE
        INSERT INTO users AS u (tenant_id, email, name, role, profile)
        VALUES (tenant, invited.email, visible_line(coalesce(user_name, invited.name), 100), invited.role, coalesce(user_profile, '{}'))
        ON CONFLICT (tenant_id, email) DO UPDATE SET name = EXCLUDED.name, role = EXCLUDED.role, profile = u.profile || EXCLUDED.profile
        RETURNING u.id, u.role, u.name INTO person, person_role, called;
        -- The tenant's own defaults, or those of tenantry/declaration/keys.py. What he has set himself stays.
        INSERT INTO user_settings (tenant_id, user_id, setting_key, setting_value)
        SELECT tenant, person, d.name, coalesce(c.config_value, d.value)
        FROM (VALUES ('locale', '"en"'::jsonb), ('time_zone', '"UTC"'), ('email_notifications', 'true')) AS d (name, value)
        LEFT JOIN tenant_configurations c ON c.tenant_id = tenant AND c.config_key = 'user_defaults.' || d.name
        ON CONFLICT DO NOTHING;
        UPDATE invitations i SET accepted_at = now(), user_id = person WHERE i.tenant_id = tenant AND i.id = invited.id;
        INSERT INTO audit_log (tenant_id, actor, action, outcome)
        VALUES (tenant, coalesce(by_whom, asking_role()), 'invitation', format('%s accepted by %s, %s', invited.id, person, person_role));
    END IF;

    page := CASE person_role WHEN 'admin' THEN '/setup' ELSE '/tour' END;
    SELECT coalesce(jsonb_object_agg(s.setting_key, s.setting_value), '{}') INTO settings
    FROM user_settings s WHERE s.tenant_id = tenant AND s.user_id = person;
    IF outcome = 'again' THEN
        RETURN;
    END IF;

    -- One that is being sent at this moment is left to its sender.
    UPDATE outbox o SET state = 'cancelled', cause = 'the invitation was accepted', finished_at = now()
    WHERE o.tenant_id = tenant AND o.id IN (
        SELECT q.id FROM outbox q
        WHERE q.tenant_id = tenant AND q.state = 'queued' AND (q.key ^@ format('welcome:%s:', invited.id) OR q.key ^@ format('invitation:%s:', invited.id))
        FOR NO KEY UPDATE SKIP LOCKED);
    -- Beginning as what operations/welcome.py queues does, so that a suspension cancels them too.
    INSERT INTO outbox (tenant_id, kind, key, recipient, parameters, not_before)
    SELECT tenant, m.kind, format('welcome:%s:accepted:%s', invited.id, m.day), invited.email,
           jsonb_build_object('user_name', called) || m.more, now() + make_interval(days => m.day)
    FROM (VALUES ('welcome', 0, jsonb_build_object('tour_url', format('https://%s%s', home, page))),
                 ('welcome_day_2', 2, jsonb_build_object('invitation_id', invited.id)),
                 ('welcome_day_7', 7, jsonb_build_object('invitation_id', invited.id))) AS m (kind, day, more)
    WHERE m.day = 0 OR person_role = 'admin'
    ON CONFLICT DO NOTHING;
END $$;

-- The application's door. The new user's id; a code that is used, another's, expired or made up: one answer.
CREATE OR REPLACE FUNCTION accept_invitation(token text, user_name text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    done record;
BEGIN
    SELECT * INTO done FROM onboard(context_tenant(), sha256(convert_to(token, 'UTF8')), visible_line(user_name, 100));
    IF done.outcome <> 'accepted' THEN
        RAISE EXCEPTION 'no open invitation of this tenant has that code' USING ERRCODE = 'no_data_found';
    END IF;
    RETURN done.person;
END $$;

SELECT set_config('search_path', quote_ident(current_schema()), true);
