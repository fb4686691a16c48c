"""RDS with databases behind it: a PostgreSQL instance that is created in the local AWS is an embedded server of its own.

moto keeps the record and answers; this middleware makes, renames and removes what the record speaks of. The record is made first and the
server second, so that a record without a server is what a killed creation left; those are dropped when the server starts again.
"""

import json
import re
import secrets
import shutil
import string
import threading
import time
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import psycopg
from moto.backends import get_backend
from psycopg import sql

from local.cloud.aws_identities import ACCOUNT
from local.cloud.aws_snapshot import Snapshot
from local.cloud.ports import HOST
from local.cloud.postgres import PostgresServer

SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/rds/")
CHANGES = ("CreateDBInstance", "ModifyDBInstance", "DeleteDBInstance")
MAJOR = "18"


class Databases:
    """WSGI middleware around moto. `directory` has a folder for each instance, named by its identifier."""

    def __init__(self, application: WSGIApplication, directory: Path, snapshot: Snapshot) -> None:
        self.application, self.directory, self.snapshot = application, directory, snapshot
        self._changing = threading.Lock()
        _prepare_moto()
        self._drop_half_made()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        if scope is None:
            return self.application(environ, start_response)
        form = dict(parse_qsl(environ["wsgi.input"].getvalue().decode(), keep_blank_values=True))
        region, action, identifier = scope[1], form.get("Action", ""), form.get("DBInstanceIdentifier", "").lower()
        if action not in CHANGES or (action == "CreateDBInstance" and form.get("Engine") != "postgres"):
            self._update_records(region)
            return self.application(environ, start_response)
        with self._changing:
            self._update_records(region)
            if wrong := self._refused(action, form):
                return _failure(start_response, 400, *wrong)
            before = _record(region, identifier)
            password = before.local_password if before else None
            if action == "CreateDBInstance":
                # Without one moto would look for a default in EC2, which nothing else here needs.
                form.setdefault("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-local")
                _replace_body(environ, urlencode(form).encode())
            answer = _Answer(self.application, environ)
            if answer.succeeded:
                try:
                    self._follow(action, form, region, identifier, before, password)
                except Exception as problem:
                    return _failure(start_response, 500, "InternalFailure", str(problem))
                self.snapshot.save()
            return answer.give(start_response)

    def _refused(self, action: str, form: dict[str, str]) -> tuple[str, str] | None:
        version = form.get("EngineVersion", MAJOR)
        if action != "DeleteDBInstance" and version.partition(".")[0] != MAJOR:
            return "InvalidParameterCombination", f"Cannot find version {version} for postgres"
        if "NewDBInstanceIdentifier" in form:
            return "InvalidParameterCombination", "An instance of the local AWS keeps its identifier."
        return None

    def _follow(self, action: str, form: dict[str, str], region: str, identifier: str, before: Any, password: str | None) -> None:
        """Do to the server what moto did to the record."""
        server = PostgresServer(self.directory / identifier)
        if action == "DeleteDBInstance":
            if form.get("SkipFinalSnapshot", "false").lower() == "true" or "FinalDBSnapshotIdentifier" not in form:
                server.destroy()
            else:
                self._set_aside(server, f"snapshot-{form['FinalDBSnapshotIdentifier']}")
            return
        record = _record(region, identifier)
        record.local_password = form.get("MasterUserPassword") or getattr(record, "local_password", None)
        if action == "CreateDBInstance":
            try:
                self._create(server, record)
            except Exception:  # whatever it was, nothing half-made stays, and it is raised again
                record.deletion_protection = False
                get_backend("rds")[ACCOUNT][region].delete_db_instance(identifier, skip_final_snapshot=True)
                server.destroy()
                raise
        elif record.local_password != password:
            with _connected(server, record.master_username, str(password)) as connection:
                role, secret = sql.Identifier(record.master_username), sql.Literal(record.local_password)
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, secret))

    def _create(self, server: PostgresServer, record: Any) -> None:
        if server.initialized:
            # Data that no record speaks of are nobody's to overwrite.
            self._set_aside(server, f"unknown-{server.directory.name}-{int(time.time())}")
        record.status = "creating"
        record.dbi_resource_id = "db-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(26))
        server.init(record.master_username, record.local_password)
        record.port = server.start()
        with _connected(server, record.master_username, record.local_password) as connection:
            version = connection.info.server_version
            record.engine_version = f"{version // 10000}.{version % 10000}"
            if record.db_name:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(record.db_name)))
        record.status = "available"

    def _set_aside(self, server: PostgresServer, name: str) -> None:
        server.stop()
        kept = self.snapshot.path.parent / "set-aside"
        kept.mkdir(exist_ok=True, mode=0o711)  # its servers run as the system user, which passes through
        shutil.move(server.directory, kept / name)

    def _update_records(self, region: str) -> None:
        """A server that was started again may listen on another port, one that was stopped on none."""
        for identifier, record in get_backend("rds")[ACCOUNT][region].databases.items():
            server = PostgresServer(self.directory / identifier)
            if record.status != "creating" and server.initialized:
                record.port, record.status = server.port, "available" if server.running else "stopped"

    def _drop_half_made(self) -> None:
        for _, _, backend in get_backend("rds").iter_backends():
            for identifier, record in list(backend.databases.items()):
                if record.engine == "postgres" and not PostgresServer(self.directory / identifier).initialized:
                    record.deletion_protection = False
                    backend.delete_db_instance(identifier, skip_final_snapshot=True)


class _Answer:
    """An application's whole answer, to be looked at before it is given."""

    def __init__(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
        self.status, self.headers = "", list[tuple[str, str]]()
        self.body = list(application(environ, self._started))

    @property
    def succeeded(self) -> bool:
        return self.status.startswith("2")

    def give(self, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self.status, self.headers)
        return self.body

    def _started(self, status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        self.status, self.headers = status, headers


def _prepare_moto() -> None:
    """Where moto would make up an address and a password that is the same for all."""
    from moto.rds.models import DBInstance, MasterUserSecret

    def address(self: Any) -> str:
        return HOST

    def credentials(self: Any) -> str:
        # moto lets nobody read the password that it keeps.
        self.resource.local_password = secrets.token_urlsafe(24)
        return json.dumps({"username": self.resource.master_username, "password": self.resource.local_password})

    DBInstance.address = property(address)
    MasterUserSecret._generate_secret_string = credentials


def _record(region: str, identifier: str) -> Any:
    return get_backend("rds")[ACCOUNT][region].databases.get(identifier)


def _connected(server: PostgresServer, user: str, password: str) -> psycopg.Connection:
    return psycopg.connect(host=HOST, port=server.port, user=user, password=password, dbname="postgres", autocommit=True)


def _replace_body(environ: WSGIEnvironment, body: bytes) -> None:
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))


def _failure(start_response: StartResponse, status: int, code: str, message: str) -> Iterable[bytes]:
    from xml.sax.saxutils import escape

    error = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    body = f"<ErrorResponse><Error>{error}</Error><RequestId>local</RequestId></ErrorResponse>".encode()
    start_response(f"{status} Refused", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]
