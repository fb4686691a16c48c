"""A tenant's own database server: RDS knows where it is, its secret knows the account."""

from __future__ import annotations

import json

from tenantry.clients import aws
from tenantry.errors import WorkError
from tenantry.postgres.server import Server, sslmode


def at(address: str, port: int, secret_arn: str) -> Server:
    """The server at an address, its account read from the secret that RDS keeps for it."""
    account = json.loads(aws.secret(secret_arn))
    return Server(address, port, account["username"], account["password"], sslmode())


def must(identifier: str, slug: str) -> Server:
    """The tenant's server; ``WorkError`` when it is not there, or cannot be reached yet."""
    server = find(identifier, slug)
    if server is None:
        raise WorkError(f"the database server {identifier} of tenant {slug} is not there", f"tenantry up --refresh {slug}")
    return server


def find(identifier: str, mark: str) -> Server | None:
    """The server of that identifier when it exists, is ours and can be reached already."""
    found = aws.describe_server(identifier, mark)
    if found is None or "Endpoint" not in found:
        return None
    return at(found["Endpoint"]["Address"], int(found["Endpoint"]["Port"]), found["MasterUserSecret"]["SecretArn"])
