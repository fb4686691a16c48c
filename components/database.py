"""TenantDatabase: where a tenant's rows live: shared tables, a schema, a database, or a database server of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import pulumi
import pulumi_postgresql as postgresql

from components import login_secret
from components.adoption import Adoption
from components.aws import Instance, get_secret_version_output
from components.edge import MARK
from components.resources.server_record import ServerRecord
from components.resources.store import ServerAddress, Store, StoreArgs
from tenantry import naming
from tenantry.declaration import TenantDeclaration
from tenantry.declaration.placement import Location, Place
from tenantry.postgres import login_limits
from tenantry.settings import PlatformSettings

ADMINISTRATOR = "tenantry"  # the account that RDS makes on a tenant's own server
POSTGRES_VERSION = "18"


def storage(declaration: TenantDeclaration) -> int:
    """The disk of a server of a tenant's own, in gigabytes. RDS makes none smaller than 20, and shrinks none."""
    return max(20, declaration.limits.storage_gb)


class TenantDatabaseArgs(TypedDict):
    declaration: TenantDeclaration
    place: Place
    """Where: what the declaration says, or one end of a move."""
    settings: PlatformSettings
    revision: str
    """Head of migrations/tenant."""
    protect: bool
    login: bool
    """Whether the tenant's own role may log in."""
    sslmode: str
    """How to connect to a server of the tenant's own (libpq's PGSSLMODE)."""
    adoption: Adoption
    template: str | None
    """What a database on the platform's server is copied from; None: made empty."""
    depends_on: Sequence[pulumi.Resource]


class TenantDatabase(pulumi.ComponentResource):
    """A schema, database or server with its roles and tables. An ``rls`` tenant has none: its rows are in the cell's tables."""

    password: pulumi.Output[str] | None
    """Secret: the password of the tenant's own login role; None: the cell's role is used."""
    secret: pulumi.Output[str] | None
    """The ARN of the secret that it is in, where the platform keeps one."""

    def __init__(self, name: str, args: TenantDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenantry:tenant:TenantDatabase", name, None, opts)
        self._args, self._name = args, name
        self._location = Location.of(args["declaration"].slug, args["place"])
        store = None
        match args["place"].isolation:
            case "rls":
                pass
            case "schema":
                store = self._schema()
            case "database":
                store = self._database(None, None)
            case "instance":
                address, provider = self._instance()
                store = self._database(address, provider)
        self.password, self.secret = (store.password, store.secret_arn) if store else (None, None)
        self.register_outputs({})

    def _child(self, logical_name: str, *, protect: bool = False, **more: object) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self,
            protect=protect and self._args["protect"],
            import_=self._args["adoption"].of(logical_name),
            depends_on=list(self._args["depends_on"]),
            **more,  # type: ignore[arg-type]  # provider=…, where there is one
        )

    def _app_role(self, provider: pulumi.ProviderResource | None = None) -> postgresql.Role:
        declaration, logical = self._args["declaration"], f"{self._name}-app"
        return postgresql.Role(
            logical,
            name=self._location.app_role,
            login=self._args["login"],
            connection_limit=declaration.limits.connections,
            statement_timeout=login_limits.STATEMENT,
            idle_in_transaction_session_timeout=login_limits.IDLE_IN_TRANSACTION,
            opts=self._child(logical, provider=provider),
        )

    def _store(self, server: ServerAddress | None, database: pulumi.Input[str], schema: pulumi.Input[str], owner: pulumi.Input[str],
               app: postgresql.Role, after: Sequence[pulumi.Resource] = ()) -> Store:  # fmt: skip
        declaration, logical = self._args["declaration"], f"{self._name}-tables"
        tables: StoreArgs = {
            "tree": "tenant",
            "server": server,
            "database": database,
            "schema": schema,
            "owner": owner,
            "app_role": app.name,
            "tenant_id": str(declaration.id),
            "limits": login_limits.SETTINGS,
            "login": self._args["login"],
            "revision": self._args["revision"],
        }
        isolation, settings = self._args["place"].isolation, self._args["settings"]
        if secret := login_secret.of_tenant(declaration.slug, isolation, self._location.app_role, settings):
            tables["secret"] = secret
            tables["connections"] = declaration.limits.connections
        return Store(
            logical,
            tables,
            pulumi.ResourceOptions(
                parent=self,
                protect=self._args["protect"],
                depends_on=[*self._args["depends_on"], *after],
            ),
        )

    def _schema(self) -> Store:
        database, owner = self._location.database, naming.cell_owner(self._args["place"].cell)
        schema = postgresql.Schema(
            f"{self._name}-schema",
            name=self._location.schema,
            database=database,
            owner=owner,
            drop_cascade=True,
            opts=self._child(f"{self._name}-schema", protect=True),
        )
        return self._store(None, database, schema.name, owner, self._app_role())

    def _database(self, server: ServerAddress | None, provider: pulumi.ProviderResource | None) -> Store:
        slug, name = self._args["declaration"].slug, self._name
        owner = postgresql.Role(
            f"{name}-owner", name=naming.tenant_owner(slug), login=False, opts=self._child(f"{name}-owner", provider=provider)
        )
        database = postgresql.Database(
            f"{name}-database",
            name=self._location.database,
            owner=owner.name,
            # A server of its own has nothing to copy from.
            template=self._args["template"] if server is None else None,
            # It matters once: for a database that stands, another template would mean another database.
            opts=self._child(f"{name}-database", protect=True, provider=provider, ignore_changes=["template"]),
        )
        schema = postgresql.Schema(
            f"{name}-schema",
            name=self._location.schema,
            database=database.name,
            owner=owner.name,
            drop_cascade=True,
            # It goes with its database.
            opts=self._child(f"{name}-schema", protect=True, provider=provider, retain_on_delete=True),
        )
        return self._store(server, database.name, schema.name, owner.name, self._app_role(provider))

    def _instance(self) -> tuple[ServerAddress, postgresql.Provider]:
        declaration, settings = self._args["declaration"], self._args["settings"]
        logical = f"{self._name}-server"
        server = Instance(
            logical,
            identifier=naming.server_identifier(settings.bucket_prefix, declaration.slug),
            engine="postgres",
            engine_version=POSTGRES_VERSION,
            instance_class=declaration.server.instance_class,
            db_subnet_group_name=declaration.server.subnet_group,
            vpc_security_group_ids=list(declaration.server.security_groups) or None,
            allocated_storage=storage(declaration),
            # A disk that is to grow grows now, not in the week's maintenance window.
            apply_immediately=True,
            storage_encrypted=True,
            username=ADMINISTRATOR,
            manage_master_user_password=True,
            backup_retention_period=7,
            copy_tags_to_snapshot=True,
            deletion_protection=self._args["protect"],
            # A snapshot is for a deletion that nobody meant; one that was meant has its final backup.
            skip_final_snapshot=not self._args["protect"],
            final_snapshot_identifier=f"{naming.server_identifier(settings.bucket_prefix, declaration.slug)}-final",
            tags={MARK: declaration.slug},
            opts=self._child(logical, protect=True),
        )
        secret_arn = server.master_user_secrets.apply(lambda secrets: str(secrets[0]["secretArn"]))
        account = get_secret_version_output(secret_id=secret_arn, opts=pulumi.InvokeOutputOptions(parent=self))
        provider = postgresql.Provider(
            f"{self._name}-admin",
            host=server.address,
            port=server.port,
            username=ADMINISTRATOR,
            password=pulumi.Output.secret(pulumi.Output.json_loads(account.secret_string)["password"]),
            sslmode=self._args["sslmode"],
            superuser=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        ServerRecord(
            f"{self._name}-address",
            {
                "identifier": naming.server_identifier(settings.bucket_prefix, declaration.slug),
                "tenant_id": str(declaration.id),
                "address": server.address,
                "port": server.port,
            },
            self._child(f"{self._name}-address"),
        )
        return {"address": server.address, "port": server.port, "secret_arn": secret_arn}, provider
