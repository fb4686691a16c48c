"""The local cloud's life: up, down, status, reset. Everything here is for one home; two homes know nothing of each other."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local import env, plugins_home, secret, stack_config
from local.cloud import service
from local.cloud.postgres import PostgresServer
from local.cloud.record import Record
from local.cloud.servers import Database, Instance, PluginHost, Program, State, instances, programs
from local.engine import roads
from tenantry.errors import TenantryError, WorkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.home import Home

Server = Database | Program | PluginHost | Instance | service.Command


@dataclass(frozen=True)
class Status:
    """One server of the cloud. ``pid`` and ``port`` are None where it has none."""

    name: str
    state: State
    port: int | None
    pid: int | None


class Cloud:
    """The local cloud in ``home``."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def up(self, say: Callable[[str], None] = lambda line: None) -> list[Status]:
        """Starts what does not run, repairs what died, and returns when all of it answers. Changes nothing where all is well."""
        engine = roads.ensure(say)
        with self.home.create().lock():
            secret.keep(self.home.secrets / "passphrase")
            stack_config.create(self.home, engine)
            if not env.official_plugins():
                plugins_home.install(self.home)
            record = Record.load(self.home)
            servers: list[Server] = [Database(), *programs(self.home), PluginHost(), *instances(self.home)]
            with ThreadPoolExecutor(len(servers)) as pool:
                outcomes = list(pool.map(lambda server: _outcome(server, self.home, record), servers))
            errors = [outcome for outcome in outcomes if isinstance(outcome, TenantryError)]
            if errors:
                raise WorkError("; ".join(error.message for error in errors), errors[0].hint)
            states = [outcome for outcome in outcomes if not isinstance(outcome, TenantryError)]
            return [self._status(server.name, state, record) for server, state in zip(servers, states, strict=True)]

    def serve(self) -> list[Status]:
        """Starts the platform's service and a worker, for which there has to be a platform, and returns when they are at work."""
        with self.home.lock():
            record = Record.load(self.home)
            return [self._status(command.name, command.start(self.home, record), record) for command in service.COMMANDS]

    def down(self) -> list[Status]:
        """Ends this home's servers, and only them; all data stay."""
        if not self.home.record.exists():
            return []
        with self.home.lock():
            record = Record.load(self.home)
            for command in service.begun(record):
                command.stop(self.home, record)
            servers: list[Server] = [PluginHost(), *programs(self.home), *instances(self.home), Database()]
            with ThreadPoolExecutor(len(servers)) as pool:
                list(pool.map(lambda server: server.stop(self.home, record), servers))
            return [self._status(server.name, server.state(self.home, record), record) for server in servers]

    def status(self) -> list[Status]:
        """Every server and whether it answers; empty where there has never been a cloud."""
        if not self.home.record.exists():
            return []
        record = Record.load(self.home)
        servers: list[Server] = [Database(), *programs(self.home), PluginHost(), *instances(self.home), *service.begun(record)]
        return [self._status(server.name, server.state(self.home, record), record) for server in servers]

    def reset(self) -> None:
        """Ends this home's servers and removes all their data, the Pulumi state and the passwords. There is no way back."""
        self.down()
        with self.home.lock():
            for entry in self.home.root.iterdir():
                if entry.name == "lock":
                    continue
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _status(self, name: str, state: State, record: Record) -> Status:
        if name == PluginHost.name or name in record.processes or (name in record.ports and name != "postgres"):
            process = record.processes.get(name)
            return Status(name, state, record.ports.get(name), process.pid if process and state != "stopped" else None)
        server = PostgresServer(self.home.postgres if name == "postgres" else self.home.instances / name)
        return Status(name, state, server.port, server.pid)


def _outcome(server: Server, home: Home, record: Record) -> State | TenantryError:
    """Servers start side by side: one that fails must not hide that another does."""
    try:
        return server.start(home, record)
    except TenantryError as error:
        return error
