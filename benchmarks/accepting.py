"""Accepting a new tenant over the API where 10,000 are declared: the processor's time of one request, its programs included.

    python -m benchmarks --only accepting

The registry, the folder and the branch have as many tenants; each request declares another one, with a host name of its own. The first
request of a process, which has read all declarations before, beside its start, is told apart.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

from fastapi.testclient import TestClient

from benchmarks import private
from benchmarks.configuration import fill
from benchmarks.declarations import declaration
from local.home import CLONE
from tenantry.actor import Actor
from tenantry.operations import api_keys
from tenantry.web import starting
from tenantry.web.app import create
from tests.service import directory

AIM_SECONDS: Final = 0.05


def measure(tenants: int = 10_000, runs: int = 15, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Seconds of processor: the median of ``runs``, and the slowest."""
    with private.cloud(lambda line: None) as (root, _):
        say(f"{tenants} tenants in the registry, in a folder and on a branch are made")
        directory.make()
        fill(tenants)
        work = root / "work"
        shutil.copytree(CLONE / "tenants" / "defaults", work / "tenants" / "defaults")
        for number in range(tenants):
            (work / "tenants" / f"customer-{number}.yaml").write_text(declaration(number))
        for command in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@x.example", "commit", "-qm", "x"]):
            subprocess.run(["git", *command], cwd=work, check=True)
        branch = subprocess.run(["git", "branch", "--show-current"], cwd=work, check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(["git", "clone", "-q", "--bare", work, root / "kept.git"], check=True)
        subprocess.run(["git", "remote", "remove", "origin"], cwd=root / "kept.git", check=True)
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")
        found = {}
        for name, place in (
            ("folder", {"TENANTRY_TENANTS": str(work / "tenants")}),
            ("branch", {"TENANTRY_DECLARATIONS": f"git:{root}/kept.git#{branch}"}),
        ):
            say(f"{runs} requests with the {name}")
            os.environ.update(place)
            found[name] = _requests(name, runs)
            for variable in place:
                del os.environ[variable]
    return found


def _requests(name: str, runs: int) -> dict[str, Any]:
    key = api_keys.make(name, tuple(api_keys.SCOPES), None, actor=Actor("benchmark")).text
    app = create(settle=starting.settle)
    with TestClient(app) as client:
        began = time.perf_counter()
        if not app.state.ahead.wait(60):
            raise SystemExit("the declarations are not read within a minute")
        ahead = time.perf_counter() - began

        def ask(number: int) -> float:
            slug = f"{name}-{number}"
            body = {"slug": slug, "tier": "business", "domains": [f"{slug}.new.example"], "theme": {"primary": "#123456"}}
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": slug}
            before = _processor()
            answer = client.post("/v1/tenants", json=body, headers=headers)
            if answer.status_code != 201:
                raise SystemExit(answer.text)
            return _processor() - before

        began = time.perf_counter()
        first = ask(0)
        waited = time.perf_counter() - began
        ask(1)
        seconds = [ask(number) for number in range(2, runs + 2)]
    return {
        "seconds": round(median(seconds), 4),
        "aim_seconds": AIM_SECONDS,
        "slowest_s": round(max(seconds), 4),
        "read_ahead_wall_s": round(ahead, 3),
        "first": {"seconds": round(first, 4), "aim_seconds": AIM_SECONDS, "wall_s": round(waited, 3)},
    }


def _processor() -> float:
    """Of this process and of the programs that it has run."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
