-- DELETE or UPDATE on a whole table allows LOCK TABLE … IN ACCESS EXCLUSIVE MODE, which stops everybody's backup and every operation.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Whether there was such a user of the tenant; his settings go with him.
CREATE FUNCTION remove_user(user_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    tenant constant uuid := context_tenant();
BEGIN
    DELETE FROM users u WHERE u.tenant_id = tenant AND u.id = user_id;
    RETURN FOUND;
END $$;

-- Whether he had it.
CREATE FUNCTION remove_user_setting(user_id uuid, key text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    tenant constant uuid := context_tenant();
    who constant uuid := $1;
BEGIN
    DELETE FROM user_settings s WHERE s.tenant_id = tenant AND s.user_id = who AND s.setting_key = key;
    RETURN FOUND;
END $$;

SELECT set_config('search_path', quote_ident(current_schema()), true);
