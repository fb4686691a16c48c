"""A folder of declarations: the one reading, which is kept between processes, and the one writer of tenants' files."""

from __future__ import annotations

from pathlib import Path

from tenantry.declaration import kept, loader
from tenantry.declaration.loader import Declarations
from tenantry.problems import DeclarationErrors
from tenantry.settings import PlatformSettings


class DeclarationStore:
    """The declarations of one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def load(self, settings: PlatformSettings | None = None) -> Declarations:
        """As ``loader.load``, which reads all files: of those that are as they were, what an earlier process read of them."""
        file = kept.place(self.directory)
        if file is None:
            return loader.load(self.directory, settings)
        reading = kept.Reading(self.directory, file)
        try:
            found = loader.load(self.directory, settings, reading.read)
        except DeclarationErrors:
            reading.keep()  # of the files that are valid
            raise
        reading.keep()
        return found
