"""Finding a tenant by its host name among 10,000: on a kept connection as SQL, through the library while nobody listens, and from memory.

    python -m benchmarks --only lookup

In one private PostgreSQL. Each look-up is of another host, chosen at random, so that no cache of ours has seen it. The aim, 1 ms, is for
the look-up that is asked.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

import psycopg

from benchmarks import private
from benchmarks.configuration import fill
from tenantry import naming
from tenantry.app import Directory
from tenantry.control.database import transaction
from tests.service import directory

AIM_SECONDS: Final = 0.001
LOOK_UPS: Final = 2_000


def measure(tenants: int = 10_000, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Milliseconds: medians and the slowest of a hundred."""
    with private.cloud(lambda line: None):
        say(f"{tenants} tenants with their configuration rows and two hosts each are made")
        directory.make()
        fill(tenants)
        with transaction() as connection:
            connection.execute("INSERT INTO tenant_domains SELECT host, id, 'subdomain', 'active' FROM tenants")
            connection.execute("INSERT INTO tenant_domains SELECT 'portal.' || host, id, 'custom', 'active' FROM tenants")
        chosen = random.Random(1)  # noqa: S311  # which hosts
        hosts = [f"portal.t{chosen.randrange(tenants):05}.x.example" for _ in range(LOOK_UPS)]
        say(f"{LOOK_UPS} look-ups of each kind")
        with psycopg.connect(directory.dsn(), autocommit=True) as connection:
            found = "SELECT * FROM tenant_by_host(%s)"
            asked = _timed(hosts, lambda host: connection.execute(found, [host]).fetchone())
            settings = "SELECT tenant_settings(%s)"
            ids = [str(naming.tenant_id(host.split(".")[1])) for host in hosts]
            of_settings = _timed(ids, lambda tenant: connection.execute(settings, [tenant]).fetchone())
        with Directory(directory.dsn()) as library:
            _timed(hosts[:10], library.by_host)
            first = _timed(dict.fromkeys(hosts[10:]), library.by_host)
            remembered = _timed(hosts[10:], library.by_host)
    return {
        "look_up_on_a_kept_connection": {"ratio": asked[0], "aim": AIM_SECONDS * 1000, "unit": "ms", "of_a_hundred": asked[1]},
        "look_up_through_the_library": {"ratio": first[0], "aim": AIM_SECONDS * 1000, "unit": "ms", "of_a_hundred": first[1]},
        "look_up_that_is_remembered_ms": remembered,
        "settings_on_a_kept_connection_ms": of_settings,
    }


def _timed(each: Any, work: Callable[[str], object]) -> tuple[float, float]:
    """Milliseconds: the median, and what 99 of a hundred stay below. Nobody may be unknown."""
    seconds = []
    for one in each:
        began = time.perf_counter()
        found = work(one)
        seconds.append(time.perf_counter() - began)
        if found is None:
            raise SystemExit(f"{one} leads to nobody")
    return round(median(seconds) * 1000, 4), round(sorted(seconds)[len(seconds) * 99 // 100] * 1000, 4)
