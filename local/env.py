"""The environment in which the engine, the program and `tenantry` meet the local cloud. "Local" means these variables and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local import secret
from local.cloud.ports import HOST
from local.cloud.postgres import binaries
from local.cloud.record import Record
from local.engine import roads
from local.home import CLONE
from tenantry.errors import WorkError
from tenantry.settings import PlatformSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.home import Home

SUPERUSER = "postgres"
ACCESS_KEY = "AKIATENANTRYLOCAL000"
# What a user's own shell may hold and what would lead somewhere else than to the local cloud.
UNSET = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "PGDATABASE",
    "PGHOSTADDR",
    "PGOPTIONS",
    "PGPASSFILE",
    "PGSERVICE",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_STACK",
    "SMTP_USER",
    "SMTP_PASSWORD",
    "SMTP_TLS",
    "SMTP_FROM",
    "SMTP_BOUNCES",
)


def official_plugins() -> bool:
    """TENANTRY_PLUGINS=official: the provider plugins are the user's own, in their own PULUMI_HOME."""
    return os.environ.get("TENANTRY_PLUGINS") == "official"


def environment(home: Home) -> dict[str, str]:
    """The variables of the local cloud in ``home``, which has to be up; values are plain text, not quoted for a shell."""
    ports = Record.load(home).ports
    engine = roads.locate()
    if not ports:
        raise WorkError(f"there is no local cloud in {home.root}", "start it: tenantry local up")
    if engine is None:
        raise WorkError(
            f"there is no Pulumi engine in {roads.cache()}, where HOME={os.environ.get('HOME', '')} has it, and none on PATH",
            "make engine gets it; or set HOME to what it was when that was done",
        )
    here = os.environ.get("PATH", "")
    # A distribution's pg_dump is often older than the server, and then refuses it.
    folders = [str(engine), str(Path(sys.executable).parent), str(binaries())]
    variables = {
        "PATH": os.pathsep.join([*folders, *(folder for folder in here.split(os.pathsep) if folder not in folders)]),
        "TENANTRY_LOCAL_HOME": str(home.root),
        "PGHOST": HOST,
        "PGPORT": str(ports["postgres"]),
        "PGUSER": SUPERUSER,
        "PGPASSWORD": secret.keep(home.secrets / "postgres"),
        "PGSSLMODE": "disable",
        "AWS_ENDPOINT_URL": f"http://{HOST}:{ports['aws']}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": secret.keep(home.secrets / "aws"),
        "AWS_REGION": PlatformSettings.from_project(CLONE).region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CLOUDFLARE_BASE_URL": f"http://{HOST}:{ports['cloudflare']}/client/v4",
        "CLOUDFLARE_API_TOKEN": secret.keep(home.secrets / "cloudflare"),
        "SMTP_HOST": HOST,
        "SMTP_PORT": str(ports["mail"]),
        # Without it the backend writes a second file beside each state, not atomically: a run killed in between leaves it empty,
        # and no later run can read the state ("failed to load checkpoint: EOF").
        "PULUMI_BACKEND_URL": f"{home.state.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(home.secrets / "passphrase"),
        "PULUMI_OPTION_CONFIG_FILE": str(home.stack_config),
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The engine is a short run: a heap that may grow fourfold between two collections saves a tenth of its processor time.
        "GOGC": "400",
    }
    if service := ports.get("service"):
        variables["TENANTRY_SERVICE_URL"] = f"http://{HOST}:{service}"
    if not official_plugins():
        variables |= {"PULUMI_HOME": str(home.pulumi_home), "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
    return variables


def process_environment(home: Home, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """``base`` (this process's environment) with the local cloud's variables, and without those that would lead elsewhere."""
    kept = {key: value for key, value in (os.environ if base is None else base).items() if key not in UNSET}
    return kept | environment(home)
