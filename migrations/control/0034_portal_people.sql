-- What tenants' own people (tenantry__portal) do to each other and to their own sign-in: by functions, each of which looks who asks
-- (portal_asks, 0031) and writes the log's line. They write no table by themselves any more, so what looked at that (0023) goes.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DROP TRIGGER portal_writes ON invitations;
DROP TRIGGER portal_writes ON users;
DROP FUNCTION portal_writes();
DROP TRIGGER portal_says ON audit_log;
DROP FUNCTION portal_says();

-- As in 0010; of the portal's people the functions below have looked who asks. Whoever comes in by an invitation has its line already.
CREATE OR REPLACE FUNCTION audit_users() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    portal constant boolean := asking_role() = 'tenantry__portal';
    actor constant text := coalesce(CASE WHEN portal THEN NULLIF(current_setting('tenantry.actor', true), '') END, asking_role());
BEGIN
    IF asked_by_platform() OR portal AND TG_OP = 'INSERT' THEN
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO audit_log (tenant_id, actor, action, outcome)
        SELECT tenant_id, actor, 'user', format('%s added, %s', id, role) FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_log (tenant_id, actor, action, outcome)
        SELECT tenant_id, actor, 'user', format('%s removed', id) FROM old_rows;
    ELSE
        INSERT INTO audit_log (tenant_id, actor, action, outcome)
        SELECT n.tenant_id, actor, 'user', concat_ws(', ', n.id,
               CASE WHEN n.role <> o.role THEN 'now ' || n.role END, CASE WHEN n.email <> o.email THEN 'another address' END)
        FROM old_rows o JOIN new_rows n USING (tenant_id, id) WHERE (n.role, n.email) <> (o.role, o.email);
    END IF;
    RETURN NULL;
END $$;

-- The invitation of an address (in any case) or an id that was not taken back, locked. gone: whom it let in is no user any more.
CREATE FUNCTION standing_invitation(tenant uuid, whom text, OUT id uuid, OUT email text, OUT role text, OUT declared boolean,
                                    OUT accepted boolean, OUT gone boolean)
LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT i.id, i.email, i.role, i.invited_by IS NULL, i.accepted_at IS NOT NULL, i.accepted_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM users u WHERE u.tenant_id = i.tenant_id AND CASE WHEN i.user_id IS NULL THEN u.email = i.email ELSE u.id = i.user_id END)
    FROM invitations i
    WHERE i.tenant_id = tenant AND i.revoked_at IS NULL AND (lower(i.email) = lower(whom) OR i.id::text = whom)
    ORDER BY i.accepted_at IS NOT NULL LIMIT 1 FOR UPDATE
$$;

-- Writes an open invitation, or makes the one that is there this one; its link, and the mail with it, are the platform's to make.
-- outcome: open; user, accepted (there is such a user), declared (the file's own administrator), crowd (people of most), mail (too many of late).
CREATE FUNCTION portal_invite(proof bytea, address text, called text, wanted text, OUT outcome text, OUT invitation uuid, OUT email text,
                              OUT people bigint, OUT most integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    editor constant record := portal_asks(proof, 'people');
    there record;
BEGIN
    IF visible_line(address, 254) !~ '^[^@[:space:]]+@[^@[:space:]]+$' THEN
        RAISE EXCEPTION 'not an e-mail address' USING ERRCODE = 'invalid_parameter_value';
    ELSIF wanted IS NULL OR wanted NOT IN ('admin', 'member') THEN
        RAISE EXCEPTION 'there is no such role' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM visible_line(called, 100);
    -- Nobody else invites, or lets somebody in, at the same time.
    PERFORM FROM tenants t WHERE t.id = editor.tenant FOR NO KEY UPDATE;
    SELECT * INTO there FROM standing_invitation(editor.tenant, address);
    SELECT count(*) INTO people FROM (
        SELECT FROM users u WHERE u.tenant_id = editor.tenant
        UNION ALL
        SELECT FROM invitations i
        WHERE i.tenant_id = editor.tenant AND i.id IS DISTINCT FROM there.id AND i.revoked_at IS NULL AND i.accepted_at IS NULL
            AND (i.expires_at IS NULL OR i.expires_at > now())
            AND NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = i.tenant_id AND u.email = i.email)) AS expected;
    most := coalesce((SELECT (c.config_value #>> '{}')::integer FROM tenant_configurations c
                      WHERE c.tenant_id = editor.tenant AND c.config_key = 'limits.users'), 10);  -- as tenantry/declaration/keys.py
    email := there.email;
    outcome := CASE
        WHEN EXISTS (SELECT FROM users u WHERE u.tenant_id = editor.tenant AND lower(u.email) = lower(address)) THEN 'user'
        WHEN there.accepted AND NOT there.gone THEN 'accepted'
        WHEN there.declared AND there.role <> wanted THEN 'declared'
        WHEN people >= most THEN 'crowd'
        WHEN (SELECT count(*) FROM outbox o WHERE o.tenant_id = editor.tenant AND o.kind = 'invitation'
              AND o.created_at > now() - interval '1 hour') >= 100 THEN 'mail'
        ELSE 'open' END;
    IF outcome <> 'open' THEN
        RETURN;
    END IF;
    IF there.id IS NULL THEN
        INSERT INTO invitations AS i (tenant_id, email, name, role, invited_by) VALUES (editor.tenant, address, called, wanted, editor.called)
        RETURNING i.id INTO invitation;
    ELSE
        UPDATE invitations i SET name = portal_invite.called, role = wanted, accepted_at = NULL, user_id = NULL,
               invited_by = CASE WHEN i.invited_by IS NOT NULL THEN editor.called END
        WHERE i.tenant_id = editor.tenant AND i.id = there.id RETURNING i.id INTO invitation;
    END IF;
END $$;

-- Takes an open invitation back, with the mails about it that wait. outcome: revoked; unknown, accepted, declared.
CREATE FUNCTION portal_revoke(proof bytea, whom text, OUT outcome text, OUT invitation uuid, OUT email text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    editor constant record := portal_asks(proof, 'people');
    there record;
BEGIN
    PERFORM FROM tenants t WHERE t.id = editor.tenant FOR NO KEY UPDATE;
    SELECT * INTO there FROM standing_invitation(editor.tenant, whom);
    invitation := there.id;
    email := there.email;
    outcome := CASE WHEN there.id IS NULL THEN 'unknown' WHEN there.accepted THEN 'accepted' WHEN there.declared THEN 'declared' ELSE 'revoked' END;
    IF outcome <> 'revoked' THEN
        RETURN;
    END IF;
    UPDATE invitations i SET revoked_at = now() WHERE i.tenant_id = editor.tenant AND i.id = invitation;
    -- One that is being sent at this moment is left to its sender.
    UPDATE outbox o SET state = 'cancelled', cause = 'the invitation was taken back', finished_at = now()
    WHERE o.tenant_id = editor.tenant AND o.id IN (
        SELECT q.id FROM outbox q WHERE q.tenant_id = editor.tenant AND q.state = 'queued'
            AND (q.key ^@ format('invitation:%s:', invitation) OR q.key ^@ format('welcome:%s:', invitation))
        FOR NO KEY UPDATE SKIP LOCKED);
    INSERT INTO audit_log (tenant_id, actor, action, outcome)
    VALUES (editor.tenant, editor.called, 'invitation', format('%s taken back', invitation));
END $$;

-- Lets in whoever has brought a code to somebody of the tenant's; as onboard (0019).
CREATE FUNCTION portal_accept(proof bytea, digest bytea, user_name text, user_profile jsonb, OUT outcome text, OUT person uuid,
                              OUT person_role text, OUT page text, OUT settings jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    editor constant record := portal_asks(proof, 'people');
BEGIN
    SELECT o.* INTO outcome, person, person_role, page, settings
    FROM onboard(editor.tenant, digest, user_name, user_profile, editor.called) o;
END $$;

-- Gives somebody of the tenant another role, or (wanted is null) removes him; who it was. outcome: done; unknown; last, its last administrator.
CREATE FUNCTION portal_change_user(proof bytea, whom uuid, wanted text, OUT outcome text, OUT id uuid, OUT email text, OUT name text,
                                   OUT role text, OUT created_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    editor constant record := portal_asks(proof, 'people');
BEGIN
    IF wanted NOT IN ('admin', 'member') THEN
        RAISE EXCEPTION 'there is no such role' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Two administrators must not take each other's role at once.
    PERFORM FROM tenants t WHERE t.id = editor.tenant FOR UPDATE;
    SELECT u.id, u.email, u.name, u.role, u.created_at INTO id, email, name, role, created_at
    FROM users u WHERE u.tenant_id = editor.tenant AND u.id = whom;
    outcome := CASE
        WHEN NOT FOUND THEN 'unknown'
        WHEN wanted = role THEN 'done'
        WHEN role = 'admin' AND NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = editor.tenant AND u.role = 'admin' AND u.id <> whom) THEN 'last'
        ELSE 'done' END;
    IF outcome <> 'done' OR wanted = role THEN
        RETURN;
    ELSIF wanted IS NULL THEN
        DELETE FROM users u WHERE u.tenant_id = editor.tenant AND u.id = whom;
    ELSE
        UPDATE users u SET role = wanted WHERE u.tenant_id = editor.tenant AND u.id = whom;
        role := wanted;
    END IF;
END $$;

-- Ends the session, or all of the same person's; how many.
CREATE FUNCTION portal_sign_out(proof bytea, everywhere boolean) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    self constant record := portal_asks(proof, 'self');
    count integer;
BEGIN
    DELETE FROM sessions s WHERE s.tenant = self.tenant AND s.user_id = self.person AND (everywhere OR s.digest = proof);
    GET DIAGNOSTICS count = ROW_COUNT;
    INSERT INTO audit_log (tenant_id, actor, action, outcome)
    VALUES (self.tenant, self.called, 'sign out', CASE WHEN everywhere THEN format('everywhere, %s sessions', count) ELSE 'this browser' END);
    RETURN count;
END $$;

-- Keeps another password of the same person's, of which this is the hash, and ends all his sessions.
CREATE FUNCTION portal_set_password(proof bytea, hashed text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    self constant record := portal_asks(proof, 'self');
BEGIN
    -- Held in its state: nothing may be set that a reactivation would bring to life.
    PERFORM FROM tenants t WHERE t.id = self.tenant FOR SHARE;
    PERFORM context_tenant();
    IF hashed IS NULL OR length(hashed) > 300 OR hashed !~ '^[$]argon2id[$][[:graph:]]{20,}$' THEN
        RAISE EXCEPTION 'not the hash of a password' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM sessions s WHERE s.tenant = self.tenant AND s.user_id = self.person;
    INSERT INTO passwords AS p (tenant, user_id, hash) VALUES (self.tenant, self.person, hashed)
    ON CONFLICT (tenant, user_id) DO UPDATE SET hash = EXCLUDED.hash, set_at = now();
    INSERT INTO audit_log (tenant_id, actor, action, outcome) VALUES (self.tenant, self.called, 'password', 'set');
END $$;

-- The same person's passkeys, without what their signatures are checked with.
CREATE FUNCTION portal_passkeys(proof bytea, OUT id text, OUT host text, OUT name text, OUT created_at timestamptz, OUT used_at timestamptz)
RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    self constant record := portal_asks(proof, 'self');
BEGIN
    RETURN QUERY SELECT encode(p.id, 'hex'), p.host, p.name, p.created_at, p.used_at FROM passkeys p
    WHERE p.tenant = self.tenant AND p.user_id = self.person ORDER BY p.created_at DESC;
END $$;

-- Keeps another one, for an active host of the tenant; false where there is one of that id, or as many as a person may have.
CREATE FUNCTION portal_add_passkey(proof bytea, identifier bytea, at_host text, key bytea, signed bigint, called text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    self constant record := portal_asks(proof, 'self');
BEGIN
    INSERT INTO passkeys (id, tenant, user_id, host, public_key, sign_count, name)
    SELECT identifier, self.tenant, self.person, n.host, key, signed, visible_line(portal_add_passkey.called, 100) FROM tenant_domains n
    WHERE n.tenant_id = self.tenant AND n.host = at_host AND n.status = 'active'
        AND octet_length(identifier) BETWEEN 1 AND 1023 AND octet_length(key) BETWEEN 1 AND 4096
        AND (SELECT count(*) FROM passkeys p WHERE p.tenant = self.tenant AND p.user_id = self.person) < 20
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO audit_log (tenant_id, actor, action, outcome) VALUES (self.tenant, self.called, 'passkey', 'made at ' || at_host);
    RETURN true;
END $$;

-- Ends one of them; whether there was one of that id.
CREATE FUNCTION portal_remove_passkey(proof bytea, identifier bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    self constant record := portal_asks(proof, 'self');
BEGIN
    DELETE FROM passkeys p WHERE p.id = identifier AND p.tenant = self.tenant AND p.user_id = self.person;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO audit_log (tenant_id, actor, action, outcome) VALUES (self.tenant, self.called, 'passkey', 'ended');
    RETURN true;
END $$;

SELECT set_config('search_path', quote_ident(current_schema()), true);
