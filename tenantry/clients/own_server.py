"""A tenant's own database server: RDS knows where it is, its secret knows the account."""

from __future__ import annotations

import json

from tenantry.clients import aws
from tenantry.clients.postgres import Server, sslmode


def at(address: str, port: int, secret_arn: str) -> Server:
    """The server at an address, its account read from the secret that RDS keeps for it."""
    account = json.loads(aws.secret(secret_arn))
    return Server(address, port, account["username"], account["password"], sslmode())


def find(identifier: str, mark: str) -> Server | None:
    """The server of that identifier when it exists, is ours and can be reached already."""
    found = aws.describe_server(identifier, mark)
    if found is None or "Endpoint" not in found:
        return None
    return at(found["Endpoint"]["Address"], int(found["Endpoint"]["Port"]), found["MasterUserSecret"]["SecretArn"])
