"""One pooled tenant from `tenantry provision` to its welcome mail, against the bare `pulumi up` of the same change.

Both add one plain tenant to the same cell, in turns. A is timed from the start of the command to the moment the mail is in the sink.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.stacks import Bench

AIM = 1.5


def measure(runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """The two ratios, with the command as its own worker and with a worker at work."""
    with Bench.running(say) as bench:
        bench.declare(range(1, 6))
        bench.up("shared")
        numbers = iter(range(6, 1000))
        _provision(bench, next(numbers))  # makes the queue's tables
        say(f"one tenant provisioned against a bare up, {runs} times in turns")
        alone = [(_provision(bench, next(numbers)), _bare(bench, next(numbers))) for _ in range(runs)]
        say("the same with a worker at work")
        worker = subprocess.Popen(
            [sys.executable, "-c", "from tenantry.cli import main; main()", "worker"],
            env=bench.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert worker.stderr is not None  # noqa: S101  # a pipe was asked for
            worker.stderr.readline()
            served = [(_provision(bench, next(numbers)), _bare(bench, next(numbers))) for _ in range(runs)]
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(timeout=60)
        return {"provision_vs_bare_up": _ratio(alone), "provision_with_a_worker_vs_bare_up": _ratio(served)}


def _provision(bench: Bench, number: int) -> float:
    bench.declare(range(number, number + 1))
    mails = bench.cloud.home.mail
    before = len(list(mails.glob("*.eml")))
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", "from tenantry.cli import main; main()", "provision", f"tenant-{number:03}"],
        env=bench.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(list(mails.glob("*.eml"))) == before and process.poll() is None:
        time.sleep(0.005)
    seconds = time.monotonic() - started
    _, errors = process.communicate(timeout=60)
    if process.returncode != 0:
        raise SystemExit(f"provision failed\n{errors}")
    return seconds


def _bare(bench: Bench, number: int) -> float:
    bench.declare(range(number, number + 1))
    return bench.bare("shared")[0]


def _ratio(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    a, b = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    return {"a_wall": round(a, 2), "b_wall": round(b, 2), "ratio": round(a / b, 2), "aim": AIM, "runs": [len(pairs), len(pairs)]}


if __name__ == "__main__":
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    for name, figure in measure(3, lambda line: print(line, file=sys.stderr)).items():
        print(name, figure)
