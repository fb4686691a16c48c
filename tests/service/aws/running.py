"""An AWS of a test's own, as the process that `local up` starts."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.cloud.postgres import PostgresServer
from tests.service.serving import served

REGION, ACCOUNT = "eu-central-1", "123456789012"
ROOT = {"aws_access_key_id": "AKIATESTADMINISTRATO", "aws_secret_access_key": "administrators-secret"}


def aws(state: Path, end: signal.Signals = signal.SIGTERM) -> AbstractContextManager[str]:
    """The address of a server whose state is in `state`; it is ended with the signal `end`."""
    account = {name.upper(): value for name, value in ROOT.items()}
    return served("local.cloud.aws", state, end=end, **account)


def end_instances(state: Path) -> None:
    """Remove the database servers that a test left behind."""
    instances = state.parent / "instances"
    for folder in instances.iterdir() if instances.is_dir() else ():
        PostgresServer(folder).destroy()


def connect(address: str, service: str, **credentials: str) -> Any:
    """A boto3 client that does not retry; the administrator's without other credentials."""
    config = Config(retries={"total_max_attempts": 1}, signature_version="s3v4" if service == "s3" else None)
    return boto3.client(service, endpoint_url=address, region_name=REGION, config=config, **(credentials or ROOT))
