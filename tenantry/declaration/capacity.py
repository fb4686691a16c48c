"""How many tenants a cell is planned for, and which cells have more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from tenantry.declaration.files import FileReader, display
from tenantry.declaration.model import TenantDeclaration
from tenantry.problems import Problem

CELL_CAPACITY: Final = 500
"""Pooled tenants per cell: what one state and one database are planned for."""


def crowded(directory: Path, tenants: Mapping[str, TenantDeclaration], newcomers: Collection[str]) -> Iterator[Problem]:
    """A warning for each cell that has more: at the first of the ``newcomers`` that it has, else about the folder."""
    counted = Counter(tenant.cell for tenant in tenants.values() if tenant.pooled and not tenant.gone)
    reader = FileReader(directory)
    for cell, count in sorted(counted.items()):
        if count > CELL_CAPACITY:
            new = next((slug for slug in sorted(newcomers) if slug in tenants and tenants[slug].cell == cell), None)
            place = reader.position(new, ("cell",)) if new is not None else (display(directory), 1, 1)
            yield Problem(
                *place,
                f"the cell {cell} has {count} pooled tenants and is planned for {CELL_CAPACITY}",
                "for a new tenant leave --cell out: tenantry new chooses one with room; one that is there: tenantry move SLUG --cell CELL",
                "warning",
            )
