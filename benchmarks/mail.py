"""How fast the outbox is emptied, as a ratio to a bare smtplib loop that sends the same mails to the same server.

Run in the environment of a local cloud, with the tables of benchmarks.fleet.
"""

from __future__ import annotations

import os
import re
import smtplib
import time

from benchmarks.fleet import Fleet
from tenantry import naming
from tenantry.control import outbox, registry
from tenantry.control.database import transaction
from tenantry.operations import mailing

SLUG = "mail-bench"


def measure(count: int = 300) -> dict[str, float]:
    """Seconds for ``count`` mails through the outbox and bare, mails per second, and the ratio. Leaves nothing behind."""
    Fleet()
    tenant_id = str(naming.tenant_id(SLUG))
    row = {
        "name": "Bench", "tier": "starter", "isolation": "rls", "cell": "main", "stack": "shared", "state": "active",
        "host": f"{SLUG}.tenantry.example", "database": "cell_main", "schema": "shared", "app_role": "cell_main__app",
        "bucket": "none", "prefix": f"tenants/{SLUG}/", "limits": {}, "labels": {},
    }  # fmt: skip
    registry.record(tenant_id, SLUG, row, [], {"name": "Ada", "email": "ada@bench.example"})
    with transaction() as connection:
        ids = [
            outbox.add(connection, tenant_id, "suspended", f"r{number}@bench.example", {"user_name": "Ada"}, f"bench:{number}")
            for number in range(count)
        ]
    messages = []
    with transaction() as connection:
        compose = mailing.Composer(mailing.settings()[1], "tenantry.example")
        for mail_id in ids:
            with outbox.claimed(connection, ids=[mail_id], done=[]) as entry:
                if entry is not None:
                    messages.append(compose(connection, entry))
    begin = time.perf_counter()
    with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), "bench.example", timeout=30) as server:
        for content, recipient in messages:
            # With its Message-ID the sink would drop the outbox's own as seconds.
            server.sendmail("bench@tenantry.example", [recipient], re.sub(rb"(?m)^Message-ID: .*\n", b"", content, count=1))
    bare = time.perf_counter() - begin
    begin = time.perf_counter()
    delivery = mailing.deliver(ids)
    ours = time.perf_counter() - begin
    with transaction() as connection:
        outbox.forget(connection, tenant_id)
        for table in ("invitations", "tenant_domains"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [tenant_id])  # noqa: S608  # our own names
        connection.execute("DELETE FROM tenants WHERE id = %s", [tenant_id])
    if delivery.sent != count:
        raise SystemExit(f"mail: {delivery}")
    return {"bare seconds": bare, "outbox seconds": ours, "mails per second": count / ours, "ratio": ours / bare}


if __name__ == "__main__":
    print(measure())
