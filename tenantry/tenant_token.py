"""For your application: makes the tokens that open a tenant's rows where the tenant takes signed row contexts (docs/row-context.md).

It needs Python's standard library only, and may be copied. The key never goes through SQL: whoever can make your application run any
statement can read the token of the transaction at hand, and make none for another tenant.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import time
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

LONGEST: Final = 3600
"""Seconds: PostgreSQL refuses a token that is valid for longer."""


@dataclass(frozen=True)
class SigningKey:
    """A cell's key, as its secret in AWS Secrets Manager holds it (``<bucketPrefix>/tenantry/row-context/<cell>``)."""

    id: str
    key: bytes = field(repr=False)

    @classmethod
    def from_secret(cls, text: str) -> SigningKey:
        """The key in the secret's text: ``{"id": "…", "key": "<base64 of 32 bytes>"}``. ``ValueError`` for anything else."""
        try:
            found = json.loads(text)
            key = cls(str(found["id"]), base64.b64decode(found["key"], validate=True))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("the secret holds no key that signs row contexts") from error
        if len(key.key) != 32 or not key.id.isalnum():
            raise ValueError("the secret holds no key that signs row contexts")
        return key

    def token(self, tenant_id: UUID, *, seconds: int = 60, backend: int = 0) -> str:
        """A token that opens this tenant's rows for ``seconds`` (1 to ``LONGEST``).

        ``backend`` is the process id of the session that it is for (psycopg: ``connection.info.backend_pid``); 0: any, for poolers in
        transaction mode, where no session is known beforehand. ``ValueError`` for what PostgreSQL would refuse.
        """
        if not 1 <= seconds <= LONGEST:
            raise ValueError(f"a token is valid for 1 to {LONGEST} seconds, not {seconds}")
        if backend < 0:
            raise ValueError(f"{backend} is no process id")
        message = f"v1.{self.id}.{UUID(str(tenant_id))}.{math.ceil(time.time() + seconds)}.{backend}"
        return f"{message}.{hmac.new(self.key, message.encode(), hashlib.sha256).hexdigest()}"


def enter(connection: Any, tenant_id: UUID, token: str = "") -> None:
    """Opens the tenant's rows in the transaction at hand of a psycopg 3 connection, and in no later one; without a token: a plain context.

    Always both settings, so that nothing counts that an earlier transaction left in the session; and bound by the server, as here: a token
    in a statement's text can be read in ``pg_stat_activity`` by every other session of the same role, and stands in the server's log.
    """
    connection.execute("SELECT set_config('app.tenant_id', %s, true), set_config('app.tenant_token', %s, true)", [str(tenant_id), token])


def leave(connection: Any) -> None:
    """Takes everything out of a pooled session before another tenant's request gets it: for the pool's ``reset``. No transaction is open.

    An injected statement can leave prepared statements, cursors and settings behind. One that is prepared under a name of the driver's
    would be executed with the next tenant's token.
    """
    autocommit, connection.autocommit = connection.autocommit, True
    connection.execute("DISCARD ALL", prepare=False)
    connection.autocommit = autocommit
