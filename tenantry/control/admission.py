"""What a run makes of each tenant: what its file says, but for what the platform knows better.

A file that knows nothing of a command (`suspend`, `move`) does not undo it, and an older file does not replace a newer one's work: that
tenant stays as it is, is named with the reason, and the others go on. docs/adr/0028-an-older-file-never-wins.md
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from pydantic import ValidationError

from tenantry import naming
from tenantry.control import admitted, ledger, lifecycle, origin, program_age, quarantine, runs
from tenantry.control.checkout import Checkout
from tenantry.control.database import transaction
from tenantry.control.ledger import KnownTenant, Ledger
from tenantry.control.lifecycle import Word
from tenantry.control.origin import Origin
from tenantry.declaration import Declarations, TenantDeclaration, fingerprint
from tenantry.declaration.files import SUFFIX
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError
from tenantry.postgres.server import Server
from tenantry.settings import project_root, tenants_dir
from tenantry.together import Together

ACCEPT_OLDER: Final = "TENANTRY_ACCEPT_OLDER"
"""The variable by which whoever means it lets an older file win: 1."""


def load() -> admitted.Admitted:
    """The tenants as a run would make them now: reads the files, the ledger, the registry and git. As ``load`` of the declarations it
    raises ``DeclarationErrors``."""
    declared = DeclarationStore.of_platform().load()
    with Server.from_environment().kept() as connection:
        book = Ledger.read(connection, naming.SHARED_STACK)
    return admit(declared, book)


def load_together() -> admitted.Admitted:
    """The same for requests: of many at once one reads for all who have come before it begins. For whoever holds no lock meanwhile."""
    return _TOGETHER()


_TOGETHER: Final = Together(lambda: load())


def admit(files: Declarations, book: Ledger) -> admitted.Admitted:
    """The same for files and a ledger that were read."""
    return _Admission(files, book).decide()


def refuse_older_code(admitted: admitted.Admitted, book: Ledger) -> None:
    """Raises ``OlderProgram`` where the stack of ``book`` was made by other code, at a commit that contains this checkout's: what the newer
    code has made would be made anew by the older. Nothing is said of code that was not committed, or is in another repository."""
    if os.environ.get(ACCEPT_OLDER) == "1" or book.run.program is None or "code" not in admitted.program.differs(book.run.program):
        return
    made = [tenant.origin for tenant in book.tenants.values() if tenant.stack == book.stack and tenant.origin]
    found = Checkout(project_root()).overtaken_by(made)
    if found is not None:
        raise program_age.older(
            found,
            f"git pull, then run the same again; or, where the older one is meant: tenantry up --stack {book.stack} --accept-older",
        )


def note_accepted(admitted: admitted.Admitted, tenants: Iterable[TenantDeclaration]) -> None:
    """Writes into the audit log whose older files someone let win, of those that a run is going to make."""
    accepted = [tenant for tenant in tenants if tenant.slug in admitted.accepted]
    if accepted:
        with transaction() as connection:
            for tenant in accepted:
                runs.audit(connection, tenant.id, origin.actor(), "accept-older", admitted.accepted[tenant.slug])


class _Admission:
    """One decision about all tenants."""

    def __init__(self, files: Declarations, book: Ledger) -> None:
        self._files, self._book, self._checkout = files, book, Checkout(tenants_dir())
        self._verdicts: dict[str, admitted.Verdict] = {}
        self._contents: dict[str, str] = {}
        self._origins: dict[str, Origin] = {}
        self._accepted: dict[str, str] = {}
        self._accepts = os.environ.get(ACCEPT_OLDER) == "1"

    def decide(self) -> admitted.Admitted:
        words = lifecycle.words() if self._book.tenants else {}
        made: dict[str, TenantDeclaration] = {}
        gone = self._gone()
        for slug, tenant in self._files.items():
            if slug in gone:
                self._verdicts[slug] = gone[slug]
            elif (known := self._book.tenants.get(slug)) is None:
                made[slug] = tenant
                self._contents[slug] = fingerprint.content(tenant, tenants_dir())
                self._origins[slug] = self._checkout.origin(tenant, self._contents[slug])
            else:
                made[slug] = self._of_known(tenant, known, words.get(slug))
        for slug, known in self._book.tenants.items():
            if slug not in self._files and known.origin is not None and (why := self._checkout.older(slug, known.origin, there=False)):
                made[slug] = self._as_it_is(slug, known, words.get(slug), why)
        _refuse_one_host_twice(made, self._verdicts)
        kept = frozenset(slug for slug, verdict in self._verdicts.items() if verdict.kind == "older")
        return admitted.Admitted(Declarations(made), self._verdicts, self._accepted, self._book, kept, self._contents, self._origins)

    def _gone(self) -> dict[str, admitted.Verdict]:
        """The files of tenants that were deleted: their slugs are nobody's yet."""
        if not self._book.claims and not self._book.tenants:
            return {}  # nothing was ever made here
        new = [slug for slug, tenant in self._files.items() if slug not in self._book.tenants and not tenant.gone]
        return {
            row["name"]: admitted.Verdict(
                row["name"],
                "deleted",
                quarantine.said(row).replace("the slug", f"tenants/{row['name']}{SUFFIX} is skipped: the slug", 1),
                f"remove the file: git rm tenants/{row['name']}{SUFFIX}; for a new tenant choose another name, or: "
                f"tenantry quarantine release {row['name']}",
            )
            for row in quarantine.standing(new, ())
        }

    def _of_known(self, tenant: TenantDeclaration, known: KnownTenant, word: Word | None) -> TenantDeclaration:
        content = self._contents[tenant.slug] = fingerprint.content(tenant, tenants_dir())
        before = known.origin
        same = before is not None and (content, tenant.state) == (before.content, before.state)
        if not same and not tenant.gone and (why := self._checkout.behind(tenant.slug, content, known)):
            if not self._accepts:
                return self._as_it_is(tenant.slug, known, word, why)
            self._accepted[tenant.slug] = why[0]
        made = self._with_what_commands_did(tenant, known, word)
        aware = (made.state, made.isolation, made.cell) == (tenant.state, tenant.isolation, tenant.cell)
        base, heard = self._base(tenant, known, word), self._heard(tenant, before, word)
        if before is None or heard != before.word or (content, base.state, base.isolation, base.cell) != (
            before.content, before.state, before.isolation, before.cell,
        ) or self._checkout.further(before) or (aware and self._checkout.elsewhere(before)):  # fmt: skip
            self._origins[tenant.slug] = replace(self._checkout.origin(base, content), word=heard)
        return made

    def _with_what_commands_did(self, tenant: TenantDeclaration, known: KnownTenant, word: Word | None) -> TenantDeclaration:
        """A command that is newer than the file keeps its word, and a place that a move has left is none to go back to."""
        slug, base = tenant.slug, _as_before(tenant, known.origin, known)
        if tenant.gone:
            return tenant  # a deletion's own run, or refused as a loss
        changed: dict[str, Any] = {}
        # Who was let in again before any file said otherwise is shut out by an edit: it may be an earlier command's line, and is safe.
        meant = word is None or word.state == base.state == "active" or not _unheard(word, known.origin)
        if word is not None and tenant.state != word.state and not meant:
            changed["state"] = word.state
            self._verdicts[slug] = admitted.Verdict(
                slug,
                # The line of an earlier command, merged late, leads back to where the newer one began.
                "unaware" if base.state in (tenant.state, word.state) else "refused",
                f"tenant {slug} stays {word.state}{_said(word)}, though tenants/{slug}{SUFFIX} says state: {tenant.state}",
                f"merge state: {word.state} into tenants/{slug}{SUFFIX}" + _way(word.state, tenant.state, slug),
            )
        moved = (known.isolation, known.cell) != (base.isolation, base.cell)
        if moved and slug not in self._book.moves and (tenant.isolation, tenant.cell) == (base.isolation, base.cell):
            changed |= {"isolation": known.isolation, "cell": known.cell}
            self._verdicts.setdefault(
                slug,
                admitted.Verdict(
                    slug,
                    "unaware",
                    f"tenant {slug} was moved and stays where it is, though tenants/{slug}{SUFFIX} says"
                    f" isolation: {tenant.isolation}, cell: {tenant.cell}",
                    f"merge isolation: {known.isolation} and cell: {known.cell} into tenants/{slug}{SUFFIX}",
                ),
            )
        return tenant.model_copy(update=changed) if changed else tenant

    def _heard(self, tenant: TenantDeclaration, before: Origin | None, word: Word | None) -> str | None:
        """``Origin.word`` from now on. A line that a command wrote is in one checkout only until it is committed; and a file that said so
        before, in a checkout that may be behind, has not heard of the command that shuts someone out once more."""
        known = before.word if before is not None else None
        if word is None or tenant.state != word.state or not _unheard(word, before) or not self._checkout.committed(tenant.slug):
            return known
        news = before is None or before.state != tenant.state or word.state == "active"
        return word.run if news else known

    def _base(self, tenant: TenantDeclaration, known: KnownTenant, word: Word | None) -> TenantDeclaration:
        """The tenant with state and place as its file is held to have them from now on: an edit that is meant, or a command's line that
        was committed."""
        base = _as_before(tenant, known.origin, known)
        edited = (tenant.state, tenant.isolation, tenant.cell) != (base.state, base.isolation, base.cell)
        commanded = (known.isolation, known.cell) != (base.isolation, base.cell) or (word is not None and _unheard(word, known.origin))
        committed = commanded and edited and self._checkout.committed(tenant.slug)
        if edited and tenant.slug not in self._verdicts and (committed or not commanded):
            return tenant
        if committed and word is not None and word.state == base.state:
            return base.model_copy(update={"state": tenant.state})  # an earlier command's line, merged late: seen, and not meant
        return base

    def _as_it_is(self, slug: str, known: KnownTenant, word: Word | None, why: tuple[str, str]) -> TenantDeclaration:
        """The tenant as it was last made, which is in the ledger."""
        made = self._stored.get(slug)
        if made is None or known.origin is None:
            raise InputError(*why, code="declaration.older")
        self._verdicts[slug] = admitted.Verdict(slug, "older", *why)
        self._contents[slug] = known.origin.content
        place = {} if slug in self._book.moves else {"isolation": known.isolation, "cell": known.cell}
        return made.model_copy(update={**place, "state": word.state if word else known.state})

    @cached_property
    def _stored(self) -> dict[str, TenantDeclaration]:
        with Server.from_environment().kept() as connection:
            rows = ledger.declared(connection, list(self._book.tenants))
        found = {}
        for slug, text in rows.items():
            try:
                found[slug] = TenantDeclaration.model_validate_json(text)
            except ValidationError:  # written by a release with other keys
                continue
        return found


def _as_before(tenant: TenantDeclaration, before: Origin | None, known: KnownTenant) -> TenantDeclaration:
    """The tenant with state and place as its file had them when it was last applied; where that is not known, as it was made."""
    found = before or known
    return tenant.model_copy(update={"state": found.state, "isolation": found.isolation, "cell": found.cell})


def _unheard(word: Word, before: Origin | None) -> bool:
    """Whether a command has given the tenant a state since its file was last seen to say the same; an edit that is newer is meant."""
    return word.run is not None and (before is None or before.word != word.run)


def _said(word: Word) -> str:
    return f" ({word.command} by {word.by} on {word.at:%Y-%m-%d %H:%M})" if word.command and word.at else ""


def _way(state: str, wanted: str, slug: str) -> str:
    command = lifecycle.COMMANDS.get((state, wanted))
    return f"; or, where it shall be {wanted}: tenantry {command} {slug}" if command else ""


def _refuse_one_host_twice(made: Mapping[str, TenantDeclaration], verdicts: Mapping[str, admitted.Verdict]) -> None:
    """What is left as it is may have a host name that a file gives to another tenant."""
    if not any(verdict.kind == "older" for verdict in verdicts.values()):
        return
    hosts = Counter(host for tenant in made.values() if not tenant.gone for host in tenant.domains)
    twice = [host for host, count in hosts.items() if count > 1]
    if twice:
        older = next(verdict for verdict in verdicts.values() if verdict.kind == "older")
        raise InputError(f"the host name {twice[0]} would be two tenants': {older.message}", older.hint, code="name.taken")
