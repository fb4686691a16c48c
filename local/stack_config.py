"""One configuration file for all stacks of a home.

Without it the engine writes a Pulumi.<stack>.yaml into the clone for each stack, with a salt of this home's passphrase: two homes
of one clone would fight over it, and a reset one could no longer read its own.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local import private
from tenantry.clients.git import Repository
from tenantry.errors import WorkError
from tenantry.settings import project_root

if TYPE_CHECKING:
    from local.home import Home


STRAYS = "/Pulumi.*.yaml"
"""What commands of the engine write beside the project that do not know of the one file (`stack init`, the Automation API), for git."""


def create(home: Home, engine: Path) -> None:
    """Writes the file where there is none, its salt made by the engine itself; stacks that start at once find it complete."""
    _exclude_strays(project_root())
    if home.stack_config.exists():
        return
    with tempfile.TemporaryDirectory(dir=home.root) as scratch:
        project = Path(scratch)
        (project / "Pulumi.yaml").write_text("name: scratch\nruntime: python\n")
        passphrase = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(home.secrets / "passphrase"), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        backend = {"PULUMI_HOME": str(project / "home"), "PULUMI_BACKEND_URL": project.as_uri()}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
        done = subprocess.run(
            [engine / "pulumi", "stack", "init", "scratch", "--non-interactive"],
            cwd=project,
            env={**kept, **passphrase, **backend},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise WorkError(f"the Pulumi engine in {engine} does not work: {done.stderr.strip()}", "tenantry doctor")
        private.write(home.stack_config, (project / "Pulumi.scratch.yaml").read_bytes())


def _exclude_strays(clone: Path) -> None:
    """Tells git, for this clone alone, that a stack's file beside the project is none of the project's: `git add -A` would take a salt
    along that is nobody's. Those that are committed stay so, and `git add -f` adds another."""
    repository = Repository.of(clone)
    if repository is None:
        return
    file = repository.own_file("info/exclude")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if STRAYS not in lines:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([*lines, STRAYS, ""]), encoding="utf-8")
