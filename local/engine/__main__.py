"""`python -m local.engine` gets the engine where it is missing and prints its folder."""

from __future__ import annotations

import sys

from local.engine import roads
from tenantry.errors import TenantryError

try:
    print(roads.ensure(lambda line: print(line, file=sys.stderr, flush=True)))
except TenantryError as error:
    sys.exit(f"{error.message}\n{error.hint}")
except KeyboardInterrupt:
    sys.exit(130)
