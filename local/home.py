"""Where one clone's local cloud keeps everything: `.local/` in the clone, or the folder that TENANTRY_LOCAL_HOME names."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import fasteners

from local import private
from tenantry.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """The folder of one local cloud. Nothing in it is made before it is needed, except by ``create``."""

    root: Path

    @classmethod
    def current(cls) -> Home:
        """The home this process works with: TENANTRY_LOCAL_HOME, else `.local/` in the clone."""
        return cls(Path(os.environ.get("TENANTRY_LOCAL_HOME") or CLONE / ".local").absolute())

    def create(self) -> Home:
        """Makes the folders that others count on, closes what an earlier version left open, and returns the home itself.

        The home itself and those of database servers are passed through by the system user that these run as; they cannot be listed.
        """
        for folder in (self.root, self.instances):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(folder.stat().st_mode & 0o711)
        for folder in (self.state, self.pulumi_home, self.mail, self.log, self.aws, self.secrets):
            private.folder(folder)
        private.mend(self.root, [self.postgres, self.instances, self.aws / "set-aside"])
        return self

    @property
    def record(self) -> Path:
        """`cloud.json`: ports and processes."""
        return self.root / "cloud.json"

    @property
    def secrets(self) -> Path:
        """Generated passwords and tokens, one 0600 file each."""
        return self.root / "secrets"

    @property
    def state(self) -> Path:
        """The Pulumi state of this home's stacks."""
        return self.root / "state"

    @property
    def pulumi_home(self) -> Path:
        return self.root / "pulumi-home"

    @property
    def plugins(self) -> Path:
        """The plugin host's socket, and the launcher that asks it for a plugin's process."""
        return self.root / "plugins"

    @property
    def stack_config(self) -> Path:
        """One configuration file for all stacks of this home: without it the engine writes Pulumi.<stack>.yaml into the clone."""
        return self.root / "stacks.yaml"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def instances(self) -> Path:
        """One folder for each tenant's own database server, named by its identifier."""
        return self.root / "instances"

    @property
    def aws(self) -> Path:
        return self.root / "aws"

    @property
    def cloudflare(self) -> Path:
        return self.root / "cloudflare.sqlite"

    @property
    def mail(self) -> Path:
        """Received mail, one .eml file each."""
        return self.root / "mail"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @contextmanager
    def lock(self, patience: float = 120) -> Iterator[None]:
        """One `local up|down|reset` of a home at a time; waits up to ``patience`` seconds, then raises WorkError."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(private.opener(str(self.root / "lock"), os.O_WRONLY | os.O_CREAT))
        lock = fasteners.InterProcessLock(self.root / "lock")
        if not lock.acquire(timeout=patience):
            raise WorkError(
                f"another command is starting or stopping the local cloud in {self.root}", "wait until it has ended and try again"
            )
        try:
            yield
        finally:
            lock.release()
