"""One configuration key of 1,000 tenants: preview, apply and undo against one plain UPDATE … RETURNING of the same rows.

    python -m benchmarks.configuration [--tenants 1000] [--runs 7] [--json]

All in one private PostgreSQL, in turns, medians of wall time. Every tenant has all its configuration rows and history. Each side opens its
own connections; the plain UPDATE runs on the same table with the same history trigger. The aim is 3 at most for preview and apply.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from benchmarks import private

AIM = 3.0
KEY = "limits.users"
CELLS = 2


def measure(tenants: int = 1000, runs: int = 7, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Milliseconds of each, and their ratios to the plain UPDATE."""
    with private.cloud(lambda line: None):
        say(f"{tenants} tenants with their configuration rows are made")
        fill(tenants)
        return _measure(tenants, runs, say)


def fill(tenants: int) -> None:
    from benchmarks.fleet import Fleet
    from tenantry import naming
    from tenantry.control.database import transaction
    from tenantry.declaration.keys import CONFIGURATION_KEYS

    Fleet()
    defaults = {key.key: key.default for key in CONFIGURATION_KEYS.values() if key.default is not None}
    with transaction() as connection:
        with connection.cursor().copy(
            "COPY tenants (id, slug, name, tier, isolation, cell, stack, state, host, database, schema, app_role, bucket, prefix)"
            " FROM STDIN"
        ) as copy:
            for number in range(tenants):
                slug, cell = f"t{number:05}", f"c{number % CELLS}"
                place = ("rls", cell, f"shared-{cell}", "active", f"{slug}.x.example", "d", "s", "r", "b", "p")
                copy.write_row((naming.tenant_id(slug), slug, slug, "starter", *place))
        connection.execute(
            """
            INSERT INTO tenant_configurations (tenant_id, config_key, config_value, declared_value)
            SELECT t.id, d.key, d.value, d.value FROM tenants t CROSS JOIN jsonb_each(%s) AS d (key, value)
            """,
            [Jsonb(defaults)],
        )
    with transaction() as connection:
        connection.execute("ANALYZE tenants, tenant_configurations, tenant_configuration_history")


def _measure(tenants: int, runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    from tenantry.control import configuration_bulk, configuration_undo
    from tenantry.control.database import transaction
    from tenantry.operations import configure_bulk

    with transaction() as connection:
        ids = [row["id"] for row in connection.execute("SELECT id FROM tenants")]
    selection = configure_bulk.Selection()
    seconds: dict[str, list[float]] = {name: [] for name in ("plain", "preview", "apply", "undo")}

    def plain(value: int) -> None:
        with transaction() as connection:
            changed = connection.execute(
                "UPDATE tenant_configurations SET config_value = %s, updated_at = now(), updated_by = 'bench'"
                " WHERE config_key = %s AND tenant_id = ANY(%s) RETURNING tenant_id, config_value",
                [Jsonb(value), KEY, ids],
            ).fetchall()
        assert len(changed) == tenants, len(changed)  # noqa: S101  # a benchmark of something else would be worse than none

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = work()
        seconds[name].append(time.perf_counter() - started)
        return result

    def apply(previewed: configure_bulk.Preview) -> Any:
        run_id = uuid4()
        for part in configure_bulk.parts(previewed):
            configuration_bulk.apply_part(
                run_id, selection, KEY, previewed.value, part["cell"], expected=part["expected"], seen_at=previewed.seen_at, actor="bench"
            )
        return run_id

    for number in range(runs + 1):  # the first is a warm-up
        value = 100 + number
        timed("plain", lambda value=value: plain(value))
        # The plain UPDATE is no way to set a value: back to what the files say, so that what follows begins as it would.
        plain(10)
        previewed = timed("preview", lambda value=value: configure_bulk.preview(KEY, value, selection))
        run_id = timed("apply", lambda previewed=previewed: apply(previewed))
        undone = timed("undo", lambda run_id=run_id: configuration_undo.undo(run_id, uuid4(), skip_changed=False, actor="bench"))
        assert undone == tenants, undone  # noqa: S101  # as above
        say(f"round {number} of {runs}")
    middle = {name: median(found[1:]) for name, found in seconds.items()}
    ratios = {name: round(middle[name] / middle["plain"], 2) for name in ("preview", "apply", "undo")}
    return {
        "tenants": tenants,
        **{f"{name}_ms": round(1000 * value, 1) for name, value in middle.items()},
        **{f"{name}_ratio": ratio for name, ratio in ratios.items()},
        **{name: {"ratio": ratios[name], "aim": AIM} for name in ("preview", "apply")},
        "aim": AIM,
        "met": max(ratios["preview"], ratios["apply"]) <= AIM,
    }


def main() -> None:
    """Prints the figures, or with ``--json`` the object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.tenants, options.runs, lambda line: print(line, file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps(figures))
        return
    print(f"one key of {figures['tenants']:,} tenants   ms   ratio (aim: {AIM})")
    for name in ("plain", "preview", "apply", "undo"):
        print(f"{name:25} {figures[f'{name}_ms']:8.1f}   {figures.get(f'{name}_ratio', 1.0):5.2f}")


if __name__ == "__main__":
    main()
