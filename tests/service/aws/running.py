"""An AWS of a test's own, as the process that `local up` starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.cloud import ports
from local.cloud.postgres import PostgresServer

REGION, ACCOUNT = "eu-central-1", "123456789012"
ROOT = {"aws_access_key_id": "AKIATESTADMINISTRATO", "aws_secret_access_key": "administrators-secret"}


@contextmanager
def aws(state: Path, end: signal.Signals = signal.SIGTERM) -> Iterator[str]:
    """The address of a server whose state is in `state`; it is ended with the signal `end`."""
    port = ports.choose()
    environment = os.environ | {name.upper(): value for name, value in ROOT.items()}
    process = subprocess.Popen([sys.executable, "-m", "local.cloud.aws", "--port", str(port), "--state", str(state)], env=environment)
    try:
        deadline = time.monotonic() + 60
        while not ports.answers(port):
            assert process.poll() is None, "the server ended at once"
            assert time.monotonic() < deadline, "the server did not answer"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(end)
        process.wait()


def end_instances(state: Path) -> None:
    """Remove the database servers that a test left behind."""
    instances = state.parent / "instances"
    for folder in instances.iterdir() if instances.is_dir() else ():
        PostgresServer(folder).destroy()


def connect(address: str, service: str, **credentials: str) -> Any:
    """A boto3 client that does not retry; the administrator's without other credentials."""
    config = Config(retries={"total_max_attempts": 1}, signature_version="s3v4" if service == "s3" else None)
    return boto3.client(service, endpoint_url=address, region_name=REGION, config=config, **(credentials or ROOT))
