"""A database of the platform's own, with its two roles, its schema and its tables: the control plane's, and each cell's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

import pulumi
import pulumi_postgresql as postgresql

from components.adoption import Adoption
from components.login_secret import LoginSecretArgs
from components.resources.store import Store, StoreArgs
from tenantry.postgres import login_limits


class OwnDatabase(TypedDict):
    tree: Literal["control", "tenant"]
    revision: str
    """Head of the tree's migrations."""
    database: str
    schema: str
    owner: str
    app: str
    """The role that logs in."""
    connections: int
    """How many sessions it may have at one time."""
    guests: NotRequired[Sequence[pulumi.Resource]]
    """What has to be there before the tables: roles besides that their migrations give rights to."""
    context_key: NotRequired[str]
    """Of tables that take signed row contexts: the secret with the key."""
    secret: NotRequired[LoginSecretArgs]
    """Where the login's password is written for applications."""


def made(name: str, args: OwnDatabase, parent: pulumi.Resource, adoption: Adoption, *, protect: bool) -> Store:
    """Registers the database and what is in it as children of ``parent``; its tables."""

    def child(logical_name: str, *, keep: bool = False, retain: bool | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=parent, protect=keep and protect, import_=adoption.of(logical_name), retain_on_delete=retain)

    owner = postgresql.Role(f"{name}-owner", name=args["owner"], login=False, opts=child(f"{name}-owner"))
    app = postgresql.Role(
        f"{name}-app",
        name=args["app"],
        login=True,
        connection_limit=args["connections"],
        statement_timeout=login_limits.STATEMENT,
        idle_in_transaction_session_timeout=login_limits.IDLE_IN_TRANSACTION,
        opts=child(f"{name}-app"),
    )
    database = postgresql.Database(f"{name}-database", name=args["database"], owner=owner.name, opts=child(f"{name}-database", keep=True))
    schema = postgresql.Schema(
        f"{name}-schema",
        name=args["schema"],
        database=database.name,
        owner=owner.name,
        # It goes with its database: dropped alone, its tables would be in the way.
        opts=child(f"{name}-schema", keep=True, retain=True),
    )
    tables: StoreArgs = {
        "tree": args["tree"],
        "server": None,
        "database": database.name,
        "schema": schema.name,
        "owner": owner.name,
        "app_role": app.name,
        "tenant_id": None,
        "limits": login_limits.SETTINGS,
        "login": True,
        "revision": args["revision"],
    }
    if "context_key" in args:
        tables["context_key"] = args["context_key"]
    if "secret" in args:
        tables["secret"] = args["secret"]
        tables["connections"] = args["connections"]
    return Store(f"{name}-tables", tables, pulumi.ResourceOptions(parent=parent, protect=protect, depends_on=list(args.get("guests", ()))))
