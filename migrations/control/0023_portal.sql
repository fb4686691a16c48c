-- The role of tenants' own people, tenantry__portal: what it may do is in ../control_grants.yaml, and whose rows says row security. What
-- neither can say is looked at here. The role itself is one of the server, which the engine makes.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- As the owner, because whoever writes may call none of these functions; what is asked is who that is.
CREATE FUNCTION portal_writes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF asking_role() <> 'tenantry__portal' THEN
        RETURN NEW;
    END IF;
    PERFORM context_tenant();  -- nothing in a tenant that is shut
    IF TG_TABLE_NAME = 'invitations' THEN
        -- null would be the platform's own invitation, of the administrator whom the tenant's file names.
        NEW.invited_by := concat_ws(': ', asking_role(), visible_line(NEW.invited_by, 200));
        PERFORM visible_line(NEW.name, 100);
        IF visible_line(NEW.email, 254) !~ '^[^@[:space:]]+@[^@[:space:]]+$' THEN
            RAISE EXCEPTION 'not an e-mail address' USING ERRCODE = 'invalid_parameter_value';
        END IF;
    ELSE
        PERFORM visible_line(NEW.name, 100);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER portal_writes BEFORE INSERT ON invitations FOR EACH ROW EXECUTE FUNCTION portal_writes();
CREATE TRIGGER portal_writes BEFORE UPDATE OF name, role ON users FOR EACH ROW EXECUTE FUNCTION portal_writes();

-- As whoever writes: a line that a function of the owner's writes is the owner's word, whoever called it.
CREATE FUNCTION portal_says() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_user <> 'tenantry__portal' THEN
        RETURN NEW;
    ELSIF NEW.tenant_id IS NULL OR concat(NEW.actor, NEW.action, NEW.outcome) ~ '[[:cntrl:]\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]'
        OR length(NEW.actor) > 200 OR length(NEW.action) > 200 OR length(NEW.outcome) > 1000
    THEN
        RAISE EXCEPTION 'not a line of the log' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    NEW.actor := concat_ws(': ', current_user, NEW.actor);
    RETURN NEW;
END $$;
CREATE TRIGGER portal_says BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION portal_says();

SELECT set_config('search_path', quote_ident(current_schema()), true);
