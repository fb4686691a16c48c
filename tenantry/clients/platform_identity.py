"""Which platform the names in an AWS account are: what bears our prefix may be another platform's, which has a server of its own.

The ledger and a parameter of AWS Systems Manager hold the same identity. It is looked at before the first run and before any that adopts.
"""

from __future__ import annotations

from uuid import uuid4

import psycopg

from tenantry.clients.aws import client, explained
from tenantry.errors import WorkError


def require(connection: psycopg.Connection, prefix: str, *, adopting: bool) -> None:
    """Enters this platform as the one that has the prefix, where nobody has. ``WorkError`` where another one has.

    Whoever adopts a stack takes over what is there: the ledger may be what was lost.
    """
    connection.execute(
        "CREATE SCHEMA IF NOT EXISTS tenantry_ledger; CREATE TABLE IF NOT EXISTS tenantry_ledger.platform (id uuid PRIMARY KEY)"
    )
    row = connection.execute("SELECT id::text FROM tenantry_ledger.platform").fetchone()
    ours = row[0] if row else _enter(connection, str(uuid4()))
    claimed = _claimed(prefix, ours)
    if claimed == ours:
        return
    if not adopting:
        raise WorkError(
            f"the names {prefix}-* in this AWS account are another platform's ({claimed}; this one is {ours})",
            "give this platform another tenantry:bucketPrefix; where the other one is gone for good: tenantry state adopt shared",
        )
    _enter(connection, claimed)


def _enter(connection: psycopg.Connection, identity: str) -> str:
    with connection.transaction():
        connection.execute("DELETE FROM tenantry_ledger.platform")
        connection.execute("INSERT INTO tenantry_ledger.platform (id) VALUES (%s)", [identity])
    return identity


def _claimed(prefix: str, mine: str) -> str:
    """Whose the prefix is: ``mine`` from now on, where it was nobody's."""
    ssm, name = client("ssm"), f"/{prefix}/tenantry/platform"
    with explained(f"parameter {name}"):
        try:
            return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            pass
        try:
            ssm.put_parameter(Name=name, Value=mine, Type="String", Description="The Tenantry platform that has these names.")
        except ssm.exceptions.ParameterAlreadyExists:
            return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    return mine
