"""How a tenant's people sign in, as the last run of its file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import psycopg


def provider(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> tuple[str | None, str | None]:
    """Issuer and client id of the tenant's own provider; each None where the file says none."""
    rows = connection.execute(
        "SELECT config_key, config_value FROM tenant_configurations"
        " WHERE tenant_id = %s AND config_key IN ('sign_in.issuer', 'sign_in.client_id') AND jsonb_typeof(config_value) = 'string'",
        [tenant],
    )
    found = {row["config_key"]: str(row["config_value"]) for row in rows}
    return found.get("sign_in.issuer"), found.get("sign_in.client_id")
