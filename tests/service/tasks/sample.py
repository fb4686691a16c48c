"""Tasks that only tests have: the module is named to Tenantry by TENANTRY_TASKS, as a platform's own would be."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from tenantry.control.database import transaction
from tenantry.errors import TransientError
from tenantry.task import Context, Task

NEVER = "0 0 29 2 *"  # only when somebody asks


def unlucky(context: Context) -> bool:
    return context.tenant.slug == os.environ["TEST_UNLUCKY"]


def raises(context: Context) -> str:
    if unlucky(context):
        raise ZeroDivisionError("the tenant's figures add up to nothing")
    return "fine"


def hangs(context: Context) -> str:
    if unlucky(context):
        subprocess.run(["sleep", "3217"], check=True)
    return "fine"


def floods(context: Context) -> str:
    if unlucky(context):
        hoard = []
        while True:
            hoard.append(bytearray(2**20))
    return "fine"


def dies(context: Context) -> str:
    if unlucky(context):
        os.kill(os.getpid(), 9)
    return "fine"


def asks(_: Context) -> str:
    """Four statements, 1,000 + 2 rows, at least 0.2 s of PostgreSQL's time."""
    with transaction() as connection:
        connection.execute("SELECT generate_series(1, 1000)")
        connection.execute("SELECT pg_sleep(0.2)")
    return "asked"


def note(context: Context, text: str) -> None:
    slug = context.store.slug if context.store else "-"
    with Path(os.environ["TEST_NOTES"]).open("a") as notes:
        notes.write(f"{context.task} {context.slot.isoformat()} {slug} {os.getpid()} {text} {datetime.now(UTC).isoformat()}\n")


def notes(context: Context) -> str:
    note(context, "done")
    return "noted"


def slow(context: Context) -> str:
    """Goes on until the test says so."""
    note(context, "begin")
    while not Path(os.environ["TEST_GO"]).exists():
        time.sleep(0.05)
    note(context, "end")
    return "slept"


def falters(context: Context) -> str:
    """Fails for a passing cause, until it was tried three times."""
    note(context, "tried")
    if Path(os.environ["TEST_NOTES"]).read_text().count("falters") < 3:
        raise TransientError("the server restarts", "wait")
    return "at last"


TASKS = (
    Task("raises", "fails for one", NEVER, raises, parallel=16),
    Task("hangs", "hangs for one", NEVER, hangs, parallel=16, timeout=4),
    Task("floods", "floods for one", NEVER, floods, parallel=16, memory_mb=64),
    Task("dies", "dies for one", NEVER, dies, parallel=16),
    Task("asks", "asks PostgreSQL", NEVER, asks),
    Task("ticks", "every second where a test says so", NEVER, notes, "aggregate"),
    Task("caught-up", "every day", NEVER, notes, "aggregate", catch_up=True),
    Task("left-out", "every day", NEVER, notes, "aggregate"),
    Task("slow", "takes its time", NEVER, slow, timeout=60),
    Task("yields", "makes way", NEVER, notes, gives_way=True),
    Task("falters", "fails twice", NEVER, falters),
)
