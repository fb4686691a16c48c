"""How an application connects to a tenant's store: address, log-in and password, as the tenant lives now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import runs
from tenantry.control.database import transaction
from tenantry.errors import WorkError
from tenantry.operations import handed_out
from tenantry.stores.tenant_store import TenantStore

READ: Final = "read credentials"
"""The action in the audit log."""


@dataclass(frozen=True)
class Credentials:
    """What connects to one tenant's store. The first six have the names that RDS gives them in a secret."""

    engine: str
    host: str
    port: int
    username: str
    password: str = field(repr=False)
    dbname: str
    sslmode: str
    """As of libpq; that of the platform's own connections."""
    schema: str
    tenant_id: str
    isolation: str
    state: str
    """Only an ``active`` tenant's log-in is let in, but for tenants that share one (``rls``)."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables for libpq and all that stands on it (psql, psycopg, Rails, Django). Sessions begin in the tenant's context."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.username,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.dbname,
            "PGSSLMODE": self.sslmode,
            "PGOPTIONS": self._options,
            "TENANTRY_TENANT_ID": self.tenant_id,
        }

    @property
    def dsn(self) -> str:
        """The same as one URI of libpq's."""
        settings = urlencode({"sslmode": self.sslmode, "options": self._options}, quote_via=quote)
        login = f"{quote(self.username)}:{quote(self.password, safe='')}"
        return f"postgresql://{login}@{self.host}:{self.port}/{quote(self.dbname)}?{settings}"

    @property
    def _options(self) -> str:
        """For a pooler in transaction mode both have to be said in each transaction instead: docs/application.md."""
        path = ",".join(f'"{name}"' for name in naming.search_path(self.schema))
        return f"-c search_path={path} -c app.tenant_id={self.tenant_id}"


def of(slug: str, *, actor: Actor) -> Credentials:
    """The credentials of the tenant's application, from the outputs of the stack where it lives; the audit log names ``actor``.

    ``InputError`` for an unknown tenant; ``WorkError`` where the stack cannot be read or its log-in is not made yet.
    """
    store = TenantStore.of(slug)
    handed = handed_out.login(store.stack, store.app_role)
    if handed is None:
        raise WorkError(f"the stack {store.stack} hands out no password of {store.app_role}", f"tenantry up {slug}")
    server = store.administrator()
    with transaction() as connection:
        runs.audit(connection, store.id, actor.name, READ, handed.username)
    return Credentials(
        engine="postgres",
        host=server.host,
        port=server.port,
        username=handed.username,
        password=handed.password,
        dbname=store.database,
        sslmode=server.sslmode,
        schema=store.schema,
        tenant_id=str(store.id),
        isolation=store.isolation,
        state=store.state,
    )
