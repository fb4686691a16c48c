"""The servers of a local cloud that read much to start, forked from processes that have read it: tests start some eighty clouds.

``python -m tests.warm MODULE`` is such a process. What a server's first start takes is tested where nothing is warm (tests/service/local).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final
from unittest import mock

import psutil

from local import private
from local.cloud.cloud import Cloud
from local.cloud.process import Process
from local.home import CLONE
from tenantry.clients.environment import plain
from tests.forking import Forker, Work, serve


def _aws() -> Callable[[], None]:
    from local.cloud import aws

    return aws.main


def _plugin_host() -> Callable[[], None]:
    from local.plugins import host

    kept = host.warm_up()
    return lambda: host.main(lambda: kept)


READ: Final[Mapping[str, Callable[[], Callable[[], None]]]] = {"local.cloud.aws": _aws, "local.plugins.host": _plugin_host}
"""A server's module → reads all of it, and gives what the module does when it is run."""


def up(cloud: Cloud) -> None:
    """Starts a local cloud, with warm servers."""
    cold = Process.spawn

    def spawn(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Process:
        module = command[command.index("-m") + 1]
        if module not in READ:
            return cold(command, log, environment)
        private.folder(log.parent)
        with open(log, "ab", opener=private.opener) as out, Path(os.devnull).open("wb") as code:
            work = Work({**plain(), **environment}, tuple(command))
            pid = _forker(module).fork(work, out.fileno(), out.fileno(), code.fileno())
        return Process(pid, psutil.Process(pid).create_time())

    with mock.patch.object(Process, "spawn", spawn):
        cloud.up()


@cache
def _forker(module: str) -> Forker:
    return Forker("tests.warm", module, environment={**plain(), "PYTHONPATH": str(CLONE)})


def main() -> None:
    module = sys.argv[1]
    run = READ[module]()
    work = serve()
    if work is None:
        return
    work.enter()
    os.umask(private.UMASK)
    command = list(work.arguments)
    sys.orig_argv[:] = command  # what the plugin host becomes when a file of ours has changed
    sys.argv[:] = command[command.index("-m") + 1 :]
    try:
        run()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # taking the modules apart takes longer than ending a server


if __name__ == "__main__":
    main()
