"""An AWS for one machine: moto's server, with a memory and with real authorization.

`python -m local.cloud.aws --port P --state DIR` serves S3, IAM, STS, ACM, RDS, Secrets Manager and SSM's parameters on 127.0.0.1.
The administrator's key is the one in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of its environment. `/_faults` (POST a fault's JSON,
DELETE all) makes the next requests fail or wait; it belongs to tests.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from local.cloud import before_moto  # noqa: F401  it has to come first

# isort: split
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from local.cloud.aws_authorization import Authorization
from local.cloud.aws_databases import Databases
from local.cloud.aws_identities import Identities
from local.cloud.aws_snapshot import Snapshot
from local.cloud.faults import Faults

SAFE_METHODS = ("GET", "HEAD")


class QuietHandler(MotoRequestHandler):
    """Logs nothing but failures of its own."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Remembering:
    """WSGI middleware: one request at a time, because moto's state has no locks, and a snapshot after a change."""

    def __init__(self, application: WSGIApplication, snapshot: Snapshot) -> None:
        self.application, self.snapshot = application, snapshot

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self.snapshot.lock:
            body = list(self.application(environ, start_response))
        if environ["REQUEST_METHOD"] not in SAFE_METHODS:
            self.snapshot.changed()
        return body


class Front:
    """WSGI middleware: the pages that AWS does not have, and the faults."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application, self.faults = application, Faults()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
        if path == "/_health":
            return _answer(start_response, 200, {"status": "ok"})
        if path == "/_faults":
            return self._change(method, environ, start_response)
        if path.startswith("/moto-api"):
            return _answer(start_response, 404, {"error": "not served here"})
        if fault := self.faults.take(method, path):
            time.sleep(fault.delay)
            if fault.status:
                code = {429: "TooManyRequestsException", 503: "SlowDown"}.get(fault.status, "InternalError")
                if environ.get("HTTP_X_AMZ_TARGET"):
                    return _answer(start_response, fault.status, {"__type": code, "message": f"Injected fault {fault.status}"})
                text = f"<Error><Code>{code}</Code><Message>Injected fault {fault.status}</Message></Error>".encode()
                start_response(f"{fault.status} Fault", [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
                return [text]
        return self.application(environ, start_response)

    def _change(self, method: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if method == "DELETE":
            self.faults.clear()
            return _answer(start_response, 200, {})
        try:
            self.faults.add(json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))))
        except (TypeError, ValueError) as problem:
            return _answer(start_response, 400, {"error": str(problem)})
        return _answer(start_response, 200, {})


def application(snapshot: Snapshot, identities: Identities, instances: Path) -> WSGIApplication:
    """Everything in front of moto, outermost last; `instances` has a folder for each RDS instance."""
    remembering = Remembering(DomainDispatcherApplication(create_backend_app), snapshot)
    return Front(Authorization(Databases(remembering, instances, snapshot), identities, snapshot.lock))


def _answer(start_response: StartResponse, status: int, body: dict[str, Any]) -> Iterable[bytes]:
    text = json.dumps(body).encode()
    start_response(f"{status} Answer", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.cloud.aws", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="the folder that keeps everything")
    parser.add_argument("--instances", type=Path, help="the folder of the RDS instances' servers; beside the state unless given")
    given = parser.parse_args()
    access_key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret:
        sys.exit("local.cloud.aws: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the administrator's key, must be in the environment")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    snapshot = Snapshot(given.state)
    snapshot.load()
    served = application(snapshot, Identities(access_key, secret), given.instances or given.state.parent / "instances")
    server = make_server("127.0.0.1", given.port, served, True, request_handler=QuietHandler)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    snapshot.start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ended.wait()
    server.shutdown()
    snapshot.stop()


if __name__ == "__main__":
    main()
