"""The servers of a local cloud: what each is called, how it is started, and how one sees that it is ready."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from local import private, secret
from local.cloud import ports
from local.cloud.postgres import PostgresServer
from local.cloud.process import Process
from local.env import ACCESS_KEY, SUPERUSER
from local.home import CLONE
from local.plugins_home import LAUNCH
from tenantry.errors import WorkError
from tenantry.settings import PlatformSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.cloud.record import Record
    from local.home import Home

READY_SECONDS = 60
State = Literal["running", "started", "stopped"]


@dataclass(frozen=True)
class Program:
    """A server that is a Python module of ours and listens on one port."""

    name: str
    module: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, home: Home, record: Record) -> State:
        """Starts the server where it does not run; returns when it answers. WorkError with the end of its log where it doesn't."""
        if record.answers(self.name):
            return "running"
        self.stop(home, record)
        log = home.log / f"{self.name}.log"
        port = ports.choose(record.ports.get(self.name), frozenset(number for name, number in record.ports.items() if name != self.name))
        command = [sys.executable, "-m", self.module, "--port", str(port), *self.arguments]
        process = Process.spawn(command, log, {"PYTHONPATH": str(CLONE), **self.environment})
        record.started(self.name, port, process)
        deadline = time.monotonic() + READY_SECONDS
        while not ports.answers(port):
            if not process.alive or time.monotonic() > deadline:
                what = "did not answer in time" if process.alive else "ended at once"
                record.end(self.name)
                raise WorkError(f"the local {self.name} server {what}: {last_words(log)}", f"see {log}")
            time.sleep(0.05)
        return "started"

    def stop(self, home: Home, record: Record) -> None:
        """Ends the server that the record knows, and one that an `up` killed in mid-start has left: they would share their data."""
        record.end(self.name)
        for process in Process.running([sys.executable, "-m", self.module], list(self.arguments)):
            process.end()

    def state(self, home: Home, record: Record) -> State:
        return "running" if record.answers(self.name) else "stopped"


@dataclass(frozen=True)
class Database:
    """The platform's PostgreSQL, in the home's folder of that name."""

    name: str = "postgres"

    def start(self, home: Home, record: Record) -> State:
        server = PostgresServer(home.postgres)
        if server.running:
            return "running"
        server.init(SUPERUSER, secret.keep(home.secrets / "postgres"))
        record.started(self.name, server.start(record.ports.get(self.name)), None)
        return "started"

    def stop(self, home: Home, record: Record) -> None:
        """Ends the server; its data stay."""
        PostgresServer(home.postgres).stop()
        record.ended(self.name)

    def state(self, home: Home, record: Record) -> State:
        return "running" if PostgresServer(home.postgres).running else "stopped"


@dataclass(frozen=True)
class PluginHost:
    """Where the engine's plugins are forked from. Nobody waits for it: until it answers, a plugin starts by itself, and takes longer."""

    name: str = "plugins"

    def start(self, home: Home, record: Record) -> State:
        if self.state(home, record) == "running":
            return "running"
        private.folder(home.plugins)
        launcher = home.plugins / LAUNCH.name  # for the engine's processes, which know the home but no clone
        launcher.unlink(missing_ok=True)
        launcher.symlink_to(LAUNCH)
        command = [sys.executable, "-u", "-m", "local.plugins.host", "--socket", str(home.plugins / "host.sock")]
        record.started(self.name, None, Process.spawn(command, home.log / f"{self.name}.log", {"PYTHONPATH": str(CLONE)}))
        return "started"

    def stop(self, home: Home, record: Record) -> None:
        """Ends the host and the plugins that it has forked."""
        record.end(self.name)

    def state(self, home: Home, record: Record) -> State:
        return "running" if record.alive(self.name) else "stopped"


@dataclass(frozen=True)
class Instance:
    """A tenant's own database server; the stand-in for `aws.rds.Instance` makes it, in a folder of the home's `instances`."""

    name: str

    def start(self, home: Home, record: Record) -> State:
        server = PostgresServer(home.instances / self.name)
        if server.running:
            return "running"
        server.start()
        return "started"

    def stop(self, home: Home, record: Record) -> None:
        PostgresServer(home.instances / self.name).stop()

    def state(self, home: Home, record: Record) -> State:
        return "running" if PostgresServer(home.instances / self.name).running else "stopped"


def instances(home: Home) -> list[Instance]:
    """The tenants' own database servers that exist; one whose making was interrupted is no server yet."""
    found = home.instances.iterdir() if home.instances.is_dir() else []
    return sorted((Instance(folder.name) for folder in found if PostgresServer(folder).initialized), key=lambda instance: instance.name)


def programs(home: Home) -> list[Program]:
    """The servers besides PostgreSQL."""
    settings = PlatformSettings.from_project(CLONE)
    zone = f"{settings.zone_id}={settings.domain}"
    # Keys in the environment, not among the arguments: everybody on the machine can read those.
    administrator = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": secret.keep(home.secrets / "aws")}
    token = {"CLOUDFLARE_API_TOKEN": secret.keep(home.secrets / "cloudflare")}
    return [
        Program("aws", "local.cloud.aws", ("--state", str(home.aws)), administrator),
        Program("cloudflare", "local.cloud.cloudflare", ("--state", str(home.cloudflare), "--zone", zone), token),
        Program("mail", "local.cloud.mail", ("--directory", str(home.mail))),
    ]


def last_words(log: Path) -> str:
    """The end of a server's log, on one line."""
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:]) or "its log is empty"
