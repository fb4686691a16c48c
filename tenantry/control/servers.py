"""Where the servers of tenants' own listen, as RDS said it when it had made them."""

from __future__ import annotations

from tenantry.control.database import transaction


def record(identifier: str, tenant_id: str, address: str, port: int) -> None:
    """Writes a server's address down, in the place of one that it had before."""
    with transaction() as connection:
        connection.execute(
            "INSERT INTO servers AS s (identifier, tenant, address, port) VALUES (%s, %s, %s, %s) ON CONFLICT (identifier) DO UPDATE SET"
            " tenant = EXCLUDED.tenant, address = EXCLUDED.address, port = EXCLUDED.port"
            " WHERE (s.tenant, s.address, s.port) <> (EXCLUDED.tenant, EXCLUDED.address, EXCLUDED.port)",
            [identifier, tenant_id, address, port],
        )


def recorded(identifier: str) -> tuple[str, int] | None:
    """A server's address and port."""
    with transaction() as connection:
        row = connection.execute("SELECT address, port FROM servers WHERE identifier = %s", [identifier]).fetchone()
        return (row["address"], row["port"]) if row else None


def forget(identifier: str) -> None:
    """Takes the address back."""
    with transaction() as connection:
        connection.execute("DELETE FROM servers WHERE identifier = %s", [identifier])
