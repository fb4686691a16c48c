"""How a store is guarded, as it is found: what a refresh compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from tenantry import naming
from tenantry.postgres import connect_rights, guards, login_limits, logins, privileges


def of(connection: psycopg.Connection, props: Mapping[str, Any]) -> list[str]:
    """How the store is guarded now, one line each: its tables, its login, and the server where that is the tenant's own.

    Empty when there are no tables. Of the control database also every grant that there is in it.
    """
    tables = guards.found(connection, props["schema"])
    if not tables:
        return []
    if props["tree"] == "control":
        tables += sorted(map(str, privileges.granted(connection)))
    login = connection.execute(
        """
        SELECT format('login %%s valid until %%s', rolname, rolvaliduntil) FROM pg_roles WHERE rolname = %(role)s
        UNION ALL
        SELECT format('login %%s in %%s: %%s', %(role)s, current_database(), setconfig) FROM pg_db_role_setting
        WHERE setrole = to_regrole(quote_ident(%(role)s)) AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL
        SELECT format('login %%s may %%s', %(role)s, acl.privilege_type) FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) acl
        WHERE d.datname = current_database() AND acl.grantee = to_regrole(quote_ident(%(role)s))
        ORDER BY 1
        """,
        {"role": props["app_role"]},
    ).fetchall()
    faults = login_limits.faults(connection, props["app_role"]).get(props["app_role"], [])
    second = naming.second_login(props["app_role"])
    if not props.get("secret") and second in logins.both(connection, props["app_role"]):
        faults.append(f"{second} is left of a time when logins had secrets")
    faults += [f"{second} {fault}" for fault in login_limits.faults(connection, second).get(second, [])]
    large_objects = [f"large objects open to all {login_limits.large_objects_open(connection)}"]
    server = [str(opening) for opening in connect_rights.openings(connection)] if props.get("server") else []
    return [*tables, *(line for (line,) in login), *faults, *large_objects, *server]
