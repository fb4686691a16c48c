"""The secrets of logins, read from AWS and kept: for platforms with ``tenantry:loginSecrets``. Reads with boto3, unless told how.

A password that is renewed (`tenantry credentials rotate`) is read anew when the directory tells of it, and once more where the server
refuses the one that is kept; the former one lets in for a day meanwhile. Connections that are open go on.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from psycopg.conninfo import make_conninfo

from tenantry.app.credentials import Login
from tenantry.errors import TransientError, WorkError

LIFETIME: Final = 3600.0
"""Seconds after which a secret is read anew though nobody told of a change; much less than the former password lets in."""

VARIABLE: Final = "TENANTRY_DIRECTORY_SECRET"

log = logging.getLogger("tenantry.app")


class _Tenant(Protocol):
    @property
    def slug(self) -> str | None: ...
    @property
    def secret(self) -> str | None: ...
    @property
    def secret_since(self) -> datetime | None: ...


@dataclass(frozen=True)
class _Kept:
    login: Login
    since: datetime | None
    """Of the directory's answer with which it was read."""
    at: float


class Secrets:
    """``Directory(dsn, credentials=Secrets())``: one for a process, for all of its threads. ``read`` gives the text of an ARN's secret."""

    def __init__(self, read: Callable[[str], str] | None = None, *, lifetime: float = LIFETIME) -> None:
        self._read, self._lifetime = read or from_aws, lifetime
        self._lock = threading.Lock()
        self._reading: dict[str, threading.Lock] = {}
        self._kept: dict[str, _Kept] = {}

    def __call__(self, tenant: _Tenant) -> Login:
        """What the tenant's store is entered with. ``WorkError`` where it has no secret; ``TransientError`` where that cannot be read."""
        arn = _arn(tenant)
        kept = self._kept.get(arn)
        if kept is not None and self._good(kept, tenant):
            return kept.login
        with self._one_reads(arn):
            kept = self._kept.get(arn)
            if kept is not None and self._good(kept, tenant):
                return kept.login
            try:
                return self._anew(arn, tenant)
            except TransientError as error:
                if kept is None:
                    raise
                log.warning("a login's secret cannot be read, the former password is used: %s", error)
                return kept.login

    def renewed(self, tenant: _Tenant, refused: Login) -> Login | None:
        """What the secret says since ``refused`` was refused; None: the same."""
        arn = _arn(tenant)
        with self._one_reads(arn):
            kept = self._kept.get(arn)
            found = kept.login if kept is not None and kept.login != refused else self._anew(arn, tenant)
        return found if found != refused else None

    def _good(self, kept: _Kept, tenant: _Tenant) -> bool:
        told = tenant.secret_since is not None and (kept.since is None or tenant.secret_since > kept.since)
        return not told and time.monotonic() - kept.at < self._lifetime

    def _anew(self, arn: str, tenant: _Tenant) -> Login:
        content = json.loads(self._read(arn))
        login = Login(str(content["username"]), str(content["password"]))
        self._kept[arn] = _Kept(login, tenant.secret_since, time.monotonic())
        return login

    def _one_reads(self, arn: str) -> threading.Lock:
        with self._lock:
            return self._reading.setdefault(arn, threading.Lock())


def directory_dsn(read: Callable[[str], str] | None = None) -> str:
    """How the directory is connected to: what the secret of ``tenantry__directory`` says, whose ARN is in TENANTRY_DIRECTORY_SECRET."""
    arn = os.environ.get(VARIABLE)
    if not arn:
        raise WorkError(f"{VARIABLE} is not set", f'export {VARIABLE}="$(pulumi stack output directory_secret -s shared)"')
    said = json.loads((read or from_aws)(arn))
    return make_conninfo(host=said["host"], port=said["port"], dbname=said["dbname"], user=said["username"], password=said["password"])


def from_aws(arn: str) -> str:
    """The text of a secret in AWS Secrets Manager, or of a parameter of AWS Systems Manager, in the region of its ARN."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    _, _, service, region, _, resource = arn.split(":", 5)
    try:
        client: Any = boto3.client("ssm" if service == "ssm" else "secretsmanager", region_name=region or None)
        if service == "ssm":
            return str(client.get_parameter(Name=resource.removeprefix("parameter"), WithDecryption=True)["Parameter"]["Value"])
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise TransientError(
            f"the secret {arn} cannot be read: {error}", "give the application's role the right to read it: docs/application.md",
            code="credentials.missing",
        ) from error  # fmt: skip


def _arn(tenant: _Tenant) -> str:
    if tenant.secret is None:
        raise WorkError(
            f"the login of tenant {tenant.slug} has no secret",
            "set tenantry:loginSecrets in Pulumi.yaml, then: tenantry up --all; or give the Directory other credentials",
            code="credentials.missing",
        )
    return tenant.secret
