"""The tenants as a run makes them, and why it does not make of a file what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

from tenantry.control.checkout import Checkout
from tenantry.control.ledger import KnownTenant, Ledger
from tenantry.control.origin import Origin
from tenantry.declaration import Declarations, TenantDeclaration, fingerprint
from tenantry.declaration.fingerprint import Fingerprint
from tenantry.errors import Code, InputError
from tenantry.program import Program
from tenantry.settings import tenants_dir

KEPT: Final = 50
"""Earlier contents of a tenant that the ledger remembers."""
Kind = Literal["unaware", "older", "refused", "deleted"]

_CODES: Final[Mapping[Kind, Code]] = {
    "unaware": "declaration.unaware",
    "older": "declaration.older",
    "refused": "declaration.refused",
    "deleted": "tenant.deleted",
}


@dataclass(frozen=True)
class Verdict:
    """Why a run does not make of a tenant what its file says.

    ``unaware``: the file knows nothing of a command; all else in it is made. ``older``: a newer file was applied; nothing of this one is
    made. ``refused``: the file and a command say different things; all else is made. ``deleted``: there is no such tenant any more.
    """

    slug: str
    kind: Kind
    message: str
    hint: str

    @property
    def error(self) -> InputError:
        """What to raise where that ends the work."""
        return InputError(self.message, self.hint, code=_CODES[self.kind])


@dataclass(frozen=True)
class Admitted:
    """The tenants as a run makes them, and what it does not make of their files."""

    declared: Declarations
    verdicts: Mapping[str, Verdict]
    accepted: Mapping[str, str]
    """Slug → what an older file was let win over, because someone meant it."""
    book: Ledger
    kept: frozenset[str]
    """The tenants that stay as they are: of their files nothing is made, of their pictures neither."""
    _contents: Mapping[str, str]
    """Of all tenants, ``Fingerprint.content``."""
    _origins: Mapping[str, Origin]
    """Of those that a run would write down."""

    @cached_property
    def program(self) -> Program:
        """The program of this checkout."""
        return Program.here()

    @cached_property
    def _checkout(self) -> Checkout:
        return Checkout(tenants_dir())

    def fingerprint(self, slug: str) -> Fingerprint:
        """What a run makes of the tenant."""
        tenant = self.declared[slug]
        return fingerprint.made_by(self.program, tenant, self._contents[slug])

    def require(self, slug: str) -> None:
        """``InputError`` for a tenant of whose file a run would make nothing, or another state than it says."""
        if slug in self.verdicts:
            raise self.verdicts[slug].error

    def entry(self, tenant: TenantDeclaration) -> KnownTenant:
        """What the ledger writes down of one of the tenants when a run begins; ``tenant`` is as the run makes it."""
        slug = tenant.slug
        known, found = self.book.tenants.get(slug), self._origins.get(slug)
        before = known.origin if known else None
        earlier = known.earlier if known else ()
        if found is not None and before is not None and found.content != before.content:
            earlier = (*(each for each in earlier if each not in (before.content, found.content)), before.content)[-KEPT:]
        print_ = fingerprint.made_by(self.program, tenant, self._contents[slug])
        return KnownTenant(
            slug, tenant.stack, tenant.isolation, tenant.cell, tenant.state, str(print_), origin=found, earlier=earlier,
            declared=tenant.model_dump_json() if found is not None else None,
        )  # fmt: skip

    @property
    def confirmed(self) -> Mapping[str, tuple[Origin, Origin]]:
        """Slug → where the ledger says that its declaration came from; and newer files that say the same, or have heard of a command."""
        found = {slug: (self.book.tenants[slug].origin, new) for slug, new in self._origins.items() if slug in self.book.tenants}
        return {
            slug: (old, new) for slug, (old, new) in found.items() if old is not None and (old.says == new.says or old.word != new.word)
        }

    def heard_by(self, slug: str, run: str) -> Mapping[str, tuple[Origin, Origin]]:
        """The same of a tenant for which ``run`` was just asked for, because its committed file gives it another state: whoever makes it,
        a worker with other files too, that file was the first to say so, and a later one that takes it back is meant."""
        old, new = self.book.tenants[slug].origin, self._origins.get(slug)
        if old is None or new is None or not self._checkout.committed(slug):
            return {}
        return {slug: (old, replace(old, state=new.state, commit=new.commit, blob=new.blob, by=new.by, at=new.at, word=run))}
