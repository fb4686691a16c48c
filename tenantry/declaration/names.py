"""Which slugs and host names the declared tenants have, and how full their cells are: in memory, and brought up to date by the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tenantry import naming
from tenantry.declaration.capacity import CELL_CAPACITY
from tenantry.declaration.files import Claims, claims_of
from tenantry.declaration.model import TenantDeclaration
from tenantry.hosts import host_skeleton, skeleton_ascii


class _Kept(NamedTuple):
    claims: Claims
    cell: str
    counts: bool


class Names:
    """Those of one set of declarations that are valid together. ``at``: the commit that has them, on a branch."""

    def __init__(self, tenants: Iterable[TenantDeclaration] = (), at: str | None = None) -> None:
        self.at = at
        self._tenants: dict[str, _Kept] = {}
        self._shapes: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._cells: Counter[str] = Counter()
        self._pooled: Counter[str] = Counter()
        for tenant in tenants:
            self.put(tenant.slug, tenant)

    def put(self, slug: str, tenant: TenantDeclaration | None) -> None:
        """Notes what the tenant's file says by now; None: it has none."""
        before = self._tenants.pop(slug, None)
        if before is not None:
            self._cells[before.cell] -= 1
            self._pooled[before.cell] -= before.counts
            self._drop(self._shapes, skeleton_ascii(slug), slug)
            for _, host in before.claims:
                self._drop(self._owners, host_skeleton(host), slug)
        if tenant is not None:
            now = self._tenants[slug] = _Kept(claims_of(tenant), tenant.cell, tenant.pooled and not tenant.gone)
            self._cells[now.cell] += 1
            self._pooled[now.cell] += now.counts
            self._shapes[skeleton_ascii(slug)] = slug
            self._owners.update((host_skeleton(host), slug) for _, host in now.claims)

    def near(self, slug: str, claims: Claims) -> dict[str, Claims]:
        """What those tenants claim whose slug, or one of whose host names, is or looks like one of these."""
        found = {self._shapes.get(skeleton_ascii(slug)), *(self._owners.get(host_skeleton(host)) for _, host in claims)}
        return {other: self._tenants[other].claims for other in found if other is not None and other != slug}

    def has(self, slug: str) -> bool:
        """Whether there is a file of that tenant."""
        return slug in self._tenants

    def owner(self, host: str) -> str | None:
        """The slug of the tenant that has a host name, or one that looks like it."""
        return self._owners.get(host_skeleton(host))

    def cell_with_room(self) -> str:
        """See ``first_with_room``."""
        return first_with_room({cell: self._pooled[cell] for cell, count in self._cells.items() if count})

    @staticmethod
    def _drop(of: dict[str, str], key: str, slug: str) -> None:
        if of.get(key) == slug:
            del of[key]


def first_with_room(pooled: Mapping[str, int]) -> str:
    """The first cell with fewer than ``CELL_CAPACITY`` pooled tenants, ``main`` first, then by name; else the next free ``c2``, ``c3`` …

    ``pooled``: how many each cell has.
    """
    count = {naming.MAIN_CELL: 0, **pooled}
    for cell in sorted(count, key=lambda name: (name != naming.MAIN_CELL, name)):
        if count[cell] < CELL_CAPACITY:
            return cell
    return next(cell for number in range(2, len(count) + 3) if (cell := f"c{number}") not in count)
