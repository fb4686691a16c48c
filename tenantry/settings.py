"""What is one per installation: the ``config:`` block of ``Pulumi.yaml``, and where the project and its declarations are."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from tenantry import naming
from tenantry.declared_in import VARIABLE as DECLARATIONS_VARIABLE
from tenantry.declared_in import DeclaredIn
from tenantry.errors import InputError

TENANTS_VARIABLE: Final = "TENANTRY_TENANTS"
MIGRATIONS_VARIABLE: Final = "TENANTRY_MIGRATIONS"
PROJECT_FILE: Final = "Pulumi.yaml"

LOGIN_SECRETS: Final = ("none", "secretsmanager", "ssm")
LOCKS: Final = ("none", "governance", "compliance")

_KEEP: Final = re.compile(r"[1-9][0-9]{0,2}/[0-9]{1,3}/[0-9]{1,3}", re.ASCII)
_HOST: Final = re.compile(r"(?=.{3,200}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])", re.ASCII)
_ZONE: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)
_DAYS: Final = re.compile(r"[0-9]{1,4}", re.ASCII)
_ROTATE: Final = re.compile(r"never|(?:[2-9]|[1-9][0-9]{1,3})d", re.ASCII)
_DAYS_RULE: Final = "a number of days, 0 to 9999"
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """The settings of a platform, checked. Fields as in docs/production.md; host names are lower-case ASCII."""

    domain: str
    zone_id: str
    endpoint: str
    bucket_prefix: str
    region: str
    account_id: str
    secrets_provider: str = "passphrase"
    """What encrypts the secrets in a new stack's state: ``passphrase``, ``awskms://…``; see `pulumi stack init --secrets-provider`."""
    protect: str = "true"
    """Whether data refuses to be deleted until its tenant's hold is over and its final backup proven; ``false`` for scratch platforms."""
    hold_days: str = "30"
    """How long an off-boarded tenant is kept before it may be deleted."""
    final_backup_days: str = "90"
    """How long the backups of a deleted tenant are kept; those of an archived one have no end."""
    quarantine_days: str = "365"
    """How long a deleted tenant's slug and host names are given to nobody; never shorter than its backups are kept."""
    read_log_days: str = "365"
    """How long it is kept who read what through the service."""
    backup_lock: str = "none"
    """S3's object lock on backups: ``governance`` (a permission can lift it), ``compliance`` (nobody can, not even the account's root)."""

    backup_keep: str = "7/4/12"
    """How many daily, weekly and monthly backups of a tenant are kept."""
    login_secrets: str = "none"
    """Where applications find the passwords of their logins: in AWS Secrets Manager, in parameters of AWS Systems Manager (``ssm``), or
    in the outputs of the stacks (``none``)."""
    credentials_rotate_after: str = "never"
    """How old the password of an application's login becomes before the scheduled task renews it: days, for example ``90d``."""

    declarations: str = "folder"
    """Where the declarations are kept: a ``folder``, a branch (``git:/srv/declarations.git#main``), or a repository on a forge, where each
    change is proposed (``github:owner/name#main``)."""

    def __post_init__(self) -> None:
        for key, value, good, rule in (
            ("tenantry:domain", self.domain, _is_host(self.domain), "a host name in lower-case ASCII, for example tenantry.example"),
            ("tenantry:zoneId", self.zone_id, _ZONE.fullmatch(self.zone_id), "32 hex digits: the zone's id on its Cloudflare page"),
            ("tenantry:endpoint", self.endpoint, _is_host(self.endpoint), "a host name in lower-case ASCII"),
            ("tenantry:bucketPrefix", self.bucket_prefix, naming.is_prefix(self.bucket_prefix), naming.PREFIX_RULE),
            ("aws:region", self.region, _REGION.fullmatch(self.region), "a region's code, for example eu-central-1"),
            ("tenantry:accountId", self.account_id, _ACCOUNT.fullmatch(self.account_id), "12 digits, in quotes: the AWS account's id"),
            ("tenantry:protect", self.protect, self.protect in ("true", "false"), "true or false"),
            ("tenantry:backupLock", self.backup_lock, self.backup_lock in LOCKS, f"one of {', '.join(LOCKS)}"),
            ("tenantry:backupKeep", self.backup_keep, _KEEP.fullmatch(self.backup_keep), "days/weeks/months, for example 7/4/12"),
            (
                "tenantry:loginSecrets",
                self.login_secrets,
                self.login_secrets in LOGIN_SECRETS,
                f"one of {', '.join(LOGIN_SECRETS)}",
            ),
            (
                "tenantry:credentialsRotateAfter",
                self.credentials_rotate_after,
                _ROTATE.fullmatch(self.credentials_rotate_after),
                "never, or days: 2d to 9999d, for example 90d",
            ),
            ("tenantry:holdDays", self.hold_days, _DAYS.fullmatch(self.hold_days), _DAYS_RULE),
            ("tenantry:finalBackupDays", self.final_backup_days, _DAYS.fullmatch(self.final_backup_days), _DAYS_RULE),
            ("tenantry:quarantineDays", self.quarantine_days, _DAYS.fullmatch(self.quarantine_days), _DAYS_RULE),
            ("tenantry:readLogDays", self.read_log_days, _DAYS.fullmatch(self.read_log_days), _DAYS_RULE),
        ):
            if not good:
                raise InputError(f"the setting {key} cannot be {value!r}", rule)
        DeclaredIn.parse(self.declarations)

    @property
    def protects(self) -> bool:
        """``protect`` as a boolean."""
        return self.protect == "true"

    @property
    def rotate_days(self) -> int | None:
        """``credentials_rotate_after`` as a number of days; None: never."""
        return None if self.credentials_rotate_after == "never" else int(self.credentials_rotate_after.removesuffix("d"))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> PlatformSettings:
        """Settings from keys like ``tenantry:domain`` (``domain`` will do). Raises ``InputError`` for what is missing or wrong."""
        found: dict[str, str] = {}
        for field in fields(cls):
            key = KEYS[field.name]
            value = values.get(key, values.get(key.removeprefix("tenantry:")))
            if value is None and field.default is not MISSING:
                continue
            if value is None:
                raise InputError(
                    f"the setting {key} is missing", f"set it under `config:` in {PROJECT_FILE}, or with `pulumi config set {key} …`"
                )
            found[field.name] = str(value).lower() if isinstance(value, bool) else str(value)
        return cls(**found)

    @classmethod
    def of_stack(cls, stack: str, path: Path, given: Mapping[str, Any]) -> PlatformSettings:
        """The project's settings, checked against the configuration ``given`` to a stack.

        ``InputError`` for a ``tenantry:`` key that is none of ours, and for one with another value: what is one per installation is known
        to commands from ``Pulumi.yaml`` alone.
        """
        settings = cls.from_project(path)
        for key, value in sorted(given.items()):
            if key in _FIELDS:
                theirs = str(value).lower() if isinstance(value, bool) else str(value)
                ours = getattr(settings, _FIELDS[key])
                if theirs != ours:
                    raise InputError(
                        f"the setting {key} is {theirs!r} for the stack {stack} and {ours!r} in {PROJECT_FILE}: a platform has one",
                        f"pulumi config rm {key} --stack {stack}; where all stacks shall have it, write it into {PROJECT_FILE}",
                    )
            elif key.startswith("tenantry:"):
                close = difflib.get_close_matches(key, _FIELDS, n=1)
                raise InputError(
                    f"there is no setting {key}",
                    f"pulumi config rm {key} --stack {stack}" + (f"; did you mean {close[0]}?" if close else ""),
                )
        return settings

    @classmethod
    def from_project(cls, path: Path) -> PlatformSettings:
        """Settings of the ``Pulumi.yaml`` at ``path`` (the file or its folder)."""
        file = path / PROJECT_FILE if path.is_dir() else path
        return cls.from_mapping(_project_values(file))


def _is_host(text: str) -> bool:
    """Whether it is a host name whose labels, in punycode or not, cannot be taken for others."""
    if not _HOST.fullmatch(text):
        return False
    if "xn--" in text:
        from tenantry.hosts import refuse_lookalikes

        try:
            refuse_lookalikes(text)
        except ValueError:
            return False
    return True


KEYS: Final[Mapping[str, str]] = {
    "domain": "tenantry:domain",
    "zone_id": "tenantry:zoneId",
    "endpoint": "tenantry:endpoint",
    "bucket_prefix": "tenantry:bucketPrefix",
    "region": "aws:region",
    "account_id": "tenantry:accountId",
    "secrets_provider": "tenantry:secretsProvider",
    "protect": "tenantry:protect",
    "backup_lock": "tenantry:backupLock",
    "backup_keep": "tenantry:backupKeep",
    "login_secrets": "tenantry:loginSecrets",
    "credentials_rotate_after": "tenantry:credentialsRotateAfter",
    "declarations": "tenantry:declarations",
    "hold_days": "tenantry:holdDays",
    "final_backup_days": "tenantry:finalBackupDays",
    "quarantine_days": "tenantry:quarantineDays",
    "read_log_days": "tenantry:readLogDays",
}


_FIELDS: Final = {key: name for name, key in KEYS.items()}


def _project_values(file: Path) -> dict[str, Any]:
    """Each key of the ``config:`` block with its plain value, ``value`` or ``default``; ours with their namespace."""
    try:
        # Pulumi's own file may use all of YAML; it is ours, not a tenant's.
        project = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{file} is not YAML: {str(error).splitlines()[0]}") from None
    block = project.get("config", {}) if isinstance(project, dict) else None
    if not isinstance(block, dict):
        raise InputError(f"{file} has no `config:` block", "docs/production.md lists its keys")
    values: dict[str, Any] = {}
    for key, entry in block.items():
        value = entry.get("value", entry.get("default")) if isinstance(entry, dict) else entry
        if value is not None:
            values[key if ":" in str(key) else f"tenantry:{key}"] = value
    return values


def project_root() -> Path:
    """The folder that holds ``Pulumi.yaml``: from the working directory upward, else from this package upward."""
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if (folder / PROJECT_FILE).is_file():
                return folder
    raise InputError(f"there is no {PROJECT_FILE} here or in a folder above", "run this inside a clone of the project")


def tenants_dir() -> Path:
    """The folder of the declarations: ``TENANTRY_TENANTS``, else this user's checkout of their branch, else ``tenants/`` of the project."""
    named = os.environ.get(TENANTS_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    root, place = project_root(), declared_in()
    return place.checkout(root) / place.folder if place.kind == "git" else root / "tenants"


def declared_in() -> DeclaredIn:
    """Where the declarations are kept: ``TENANTRY_DECLARATIONS``, else the setting. A folder that ``TENANTRY_TENANTS`` names is read in the
    place of a branch. ``InputError`` for what is no such place."""
    text = os.environ.get(DECLARATIONS_VARIABLE)
    if not text:
        try:
            file = project_root() / PROJECT_FILE
        except InputError:
            return DeclaredIn()
        text = _declarations_of(file, file.stat().st_mtime_ns)
    found = DeclaredIn.parse(text)
    return DeclaredIn() if found.kind == "git" and os.environ.get(TENANTS_VARIABLE) else found


def migrations_dir() -> Path:
    """The folder of the migrations and their classification: ``TENANTRY_MIGRATIONS``, else ``migrations/`` beside this package."""
    named = os.environ.get(MIGRATIONS_VARIABLE)
    return (Path(named).expanduser() if named else Path(__file__).parents[1] / "migrations").resolve()


def platform_settings() -> PlatformSettings:
    """The settings of the platform that this process works for. ``InputError`` where there is no project."""
    file = project_root() / PROJECT_FILE
    return _settings_of(file, file.stat().st_mtime_ns)


def project_settings() -> PlatformSettings | None:
    """The same; none where there is no project (the library used by itself)."""
    try:
        project_root()
    except InputError:
        return None
    return platform_settings()


@lru_cache(maxsize=4)
def _declarations_of(file: Path, changed: int) -> str:
    """By itself: the folder is asked for also where another setting is missing."""
    return str(_project_values(file).get(KEYS["declarations"], "folder"))


@lru_cache(maxsize=4)
def _settings_of(file: Path, changed: int) -> PlatformSettings:
    """``changed`` is part of the cache's key, so that an edited file is read again."""
    return PlatformSettings.from_project(file)
