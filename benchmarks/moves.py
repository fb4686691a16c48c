"""How long a tenant's writes wait while it moves with 100,000 rows, and what the copy costs against a bare COPY of the same rows.

The application's writer (that of the tests) is at work the whole time.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")  # before the sandbox's imports: see tests/conftest.py

ROWS = 100_000
AIM_SECONDS = 2


def measure(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Freezes (ms) of moves rls → schema → rls …, and seconds of their copies against `COPY (SELECT …) TO` into `COPY … FROM`."""
    from local.cloud.cloud import Cloud
    from local.home import Home
    from tests import checkout
    from tests.engine.conftest import Sandbox
    from tests.engine.moving import Application, fill

    root = Path(tempfile.mkdtemp(prefix="tenantry-bench-"))
    cloud = Cloud(Home(root / "local"))
    try:
        cloud.up(say)
        checkout.begin(root / "tenants")
        sandbox = Sandbox(root, cloud)
        sandbox.declare("mover", isolation="rls")
        sandbox.up("--stack", "shared")
        fill(sandbox, "mover", ROWS)
        application = Application(sandbox, "mover").begin()
        copies, bare = [], []
        for number in range(runs):
            model = ("schema", "rls")[number % 2]
            bare.append(_bare(sandbox, ("shared", "t_mover")[number % 2]))
            say(f"{ROWS} rows to {model}, with a writer")
            run = json.loads(sandbox.tenantry("move", "mover", "--to", model, "--json").stdout)[0]
            copy = next(step for step in run["steps"] if step["name"] == "copy")
            copies.append(float(copy["summary"].partition(" in ")[2].split()[0]))
            sandbox.tenantry("move", "mover", "--finish")
        application.end()
        application.check()
        freezes = [row["freeze_ms"] for row in json.loads(sandbox.tenantry("moves", "mover", "--json").stdout)]
        ratio = round(median(copies) / median(bare), 2)
        return {
            "writes wait, worst": {"seconds": max(freezes) / 1000, "aim_seconds": AIM_SECONDS, "rows": ROWS, "moves": runs},
            "writes wait, median": {"seconds": median(freezes) / 1000, "aim_seconds": AIM_SECONDS},
            "copy_vs_bare_copy": {"a_wall": median(copies), "b_wall": round(median(bare), 2), "ratio": ratio, "runs": [runs, runs]},
        }
    finally:
        cloud.reset()
        shutil.rmtree(root, ignore_errors=True)


def _bare(sandbox: Any, schema: str) -> float:
    """The same rows once through this process into a table with the same keys."""
    with sandbox.sql("cell_main") as out, sandbox.sql("cell_main") as into:
        into.execute(f"CREATE TABLE public.bare (LIKE {schema}.documents INCLUDING ALL)")
        started = time.monotonic()
        with out.cursor().copy(f"COPY {schema}.documents TO STDOUT") as rows, into.cursor().copy("COPY public.bare FROM STDIN") as target:
            for row in rows:
                target.write(row)
        seconds = time.monotonic() - started
        into.execute("DROP TABLE public.bare")
        return seconds
