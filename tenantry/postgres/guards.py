"""What guards the tables of a schema, as it is found."""

from __future__ import annotations

import psycopg

from tenantry.postgres import row_context


def found(connection: psycopg.Connection, schema: str) -> list[str]:
    """What guards the tables of ``schema`` now: row security flags, policies, owners and grants, one sorted line each.

    Empty when the schema has no tables. The policies that shut a tenant out during its restore are not named: isolation.sql leaves them
    alone, and they go with the restore. Two stores are guarded alike when their lists are equal; a refresh compares the list with
    what was recorded after the last change.
    """
    rows = connection.execute(
        """
        WITH c AS MATERIALIZED (
            SELECT * FROM pg_class
            WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND relkind IN ('r', 'p', 'v', 'm', 'S')
        )
        SELECT format('table %%s owner %%s enabled %%s forced %%s kind %%s options %%s', relname, pg_get_userbyid(relowner),
                      relrowsecurity, relforcerowsecurity, relkind, reloptions)
        FROM c
        UNION ALL
        -- As the view pg_policies says it, which takes longer to plan than the rest to answer.
        SELECT format('policy %%s.%%s %%s %%s to %%s using %%s check %%s', relname, polname,
                      CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                      CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                                  ELSE 'ALL' END,
                      CASE WHEN polroles = '{0}' THEN '{public}'::name[]
                           ELSE ARRAY(SELECT pg_get_userbyid(role) FROM unnest(polroles) role ORDER BY 1) END,
                      pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
        FROM c JOIN pg_policy ON polrelid = c.oid
        WHERE polpermissive OR polname !~ '^closed_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        UNION ALL
        SELECT format('database open to all %%s %%s', has_database_privilege('public', current_database(), 'CONNECT'),
                      has_database_privilege('public', current_database(), 'TEMPORARY'))
        UNION ALL
        SELECT format('grant %%s.%%s to %%s', relname, acl.privilege_type,
                      CASE acl.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(acl.grantee) END)
        FROM c CROSS JOIN LATERAL
            aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) acl
        ORDER BY 1
        """,
        {"schema": schema},
    ).fetchall()
    lines = [row[0] for row in rows]
    if any("tenantry_context.tenant()" in line for line in lines):
        lines += row_context.posture(connection)
    return lines if any(line.startswith("table ") for line in lines) else []
