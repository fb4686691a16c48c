"""The SDK's dynamic provider, ended when the engine is: on its own it would outlive an engine that was killed, for ever."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from tenantry.clients.parent import Parent


def main() -> None:
    """Serves the program's dynamic resource types until the engine ends it or is no more."""
    Parent().die_with()
    # The types are imported from the program's directory, which is the working directory.
    sys.path[0] = str(Path.cwd())
    runpy.run_module("pulumi.dynamic", run_name="__main__")


if __name__ == "__main__":
    main()
