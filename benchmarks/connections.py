"""How many connections one `tenantry provision` of a new tenant opens, with its own worker, and how long a host name is looked up.

The command's are counted as psycopg opens them in its process, Tenantry's own and those of DBOS's pools. Those of the engine's programs
and plugins are what the server has counted besides.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

from benchmarks.stacks import Bench
from tenantry.control import quarantine
from tenantry.control.database import transaction
from tenantry.postgres.server import Server
from tests.environment import entered

AIM: Final = 8
LOOK_UP: Final = 0.001  # seconds
LOOK_UPS: Final = 500

DBOS: Final = "DBOS"
COUNTED: Final = """
import atexit, json, sys, traceback
from collections import Counter
from pathlib import Path
import psycopg
opened, file, connect = Counter(), Path(sys.argv.pop(1)), psycopg.Connection.connect.__func__
def counted(cls, *arguments, **options):
    ours = [f"{Path(frame.filename).stem}.{frame.name}" for frame in traceback.extract_stack() if "/tenantry/" in frame.filename]
    opened[" < ".join(ours[-1:-5:-1]) if ours[-1:] == ["server.connect"] else "DBOS"] += 1
    return connect(cls, *arguments, **options)
psycopg.Connection.connect = classmethod(counted)
psycopg.connect = psycopg.Connection.connect
atexit.register(lambda: file.write_text(json.dumps(opened)))
from tenantry.cli import main
main()
"""


def measure(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Connections of the command, of the engine's programs beside it, and seconds of one look-up."""
    with Bench.running(say) as bench:
        bench.declare(range(1, 3))
        bench.up("shared")
        _provision(bench, 3)  # makes the queue's tables
        say(f"one tenant provisioned, {runs} times")
        counts = [_provision(bench, number) for number in range(4, 4 + runs)]
        say(f"{LOOK_UPS} look-ups of a host name")
        return {
            "connections_of_one_provision": {
                "ratio": median(sum(own.values()) - own.get(DBOS, 0) for own, _ in counts),
                "aim": AIM,
                "by_whom": counts[-1][0],
                "of_dbos": median(own.get(DBOS, 0) for own, _ in counts),
                "of_the_engines_programs": median(others for _, others in counts),
            },
            "host_look_up": {"ratio": round(_look_up(bench) * 1000, 3), "aim": LOOK_UP * 1000, "unit": "ms"},
        }


def _provision(bench: Bench, number: int) -> tuple[dict[str, int], int]:
    """The connections of the command's process by who opened them, and how many the server has had besides."""
    bench.declare(range(number, number + 1))
    file = bench.root / "opened.json"
    before = _sessions(bench)
    bench.timed([sys.executable, "-c", COUNTED, str(file), "provision", f"tenant-{number:03}"])
    own = json.loads(file.read_text())
    return own, _sessions(bench) - before - 1 - sum(own.values())  # one is the second look


def _sessions(bench: Bench) -> int:
    time.sleep(1.5)  # a session that goes on is counted with its next statement, once a second
    with entered(bench.environment), Server.from_environment().connect() as connection:
        row = connection.execute("SELECT sum(sessions)::int FROM pg_stat_database").fetchone()
        return int(row[0]) if row else 0


def _look_up(bench: Bench) -> float:
    """Seconds of the median."""
    with entered(bench.environment):
        host = next(iter(_hosts()))
        seconds = []
        for _ in range(LOOK_UPS):
            started = time.perf_counter()
            found = quarantine.resolve(host)
            seconds.append(time.perf_counter() - started)
        if found.state != "active":
            raise SystemExit(f"{host} leads to nobody")
        return median(seconds)


def _hosts() -> list[str]:
    with transaction() as connection:
        return [row["host"] for row in connection.execute("SELECT host FROM tenant_domains WHERE status = 'active'")]
