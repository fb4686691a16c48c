"""One file at a time: YAML → overlay → model, and every error translated to a place in a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from tenantry import naming
from tenantry.declaration.assets import check_asset, is_asset_path
from tenantry.declaration.explain import Explanation, Place, explain
from tenantry.declaration.model import TenantDeclaration
from tenantry.declaration.overlay import FILE_ONLY, effective
from tenantry.declaration.sign_in import email_domain
from tenantry.declaration.yaml_source import MAX_FAULTS, Positions, YamlFaults, parse, read_bytes
from tenantry.hosts import canonical_host
from tenantry.problems import Problem, nearest, shown

SUFFIX: Final = ".yaml"


def tenant_files(directory: Path, problems: list[Problem]) -> Iterator[str]:
    """The slug of each declaration, sorted. What is neither a declaration nor anything else that belongs into the folder is added
    to ``problems``: a file that nobody reads looks like a tenant that is there."""
    with os.scandir(directory) as entries:  # which need not ask for each whether it is a folder
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = entry.name
        if name.startswith("."):  # editors' and mounts' own files
            continue
        if Path(entry.path).is_dir() if entry.is_symlink() else entry.is_dir():
            problems.extend(_strangers(directory / name))
        elif name.endswith(SUFFIX):
            slug = name.removesuffix(SUFFIX)
            if naming.is_slug(slug) and not naming.is_reserved(slug):
                yield slug
            else:
                problems.append(_misnamed(directory / name, slug))
        elif not name.lower().endswith(_BESIDE) and name != SCHEMA:
            problems.append(_unread(directory / name, f"a declaration's name ends in {SUFFIX}"))


def _misnamed(path: Path, slug: str) -> Problem:
    if naming.is_slug(slug):
        return Problem(display(path), 1, 1, f"the slug {slug!r} is reserved for the platform", "choose another slug")
    return Problem(display(path), 1, 1, f"the file's name is not a tenant's slug: {shown(slug)}", f"a slug is {naming.SLUG_RULE}")


SCHEMA: Final = "schema.json"
"""What `tenantry schema` prints, for editors: it may stand beside the declarations."""
_BESIDE: Final = (".md",)
"""Suffixes of what may stand beside the declarations and is for people."""


def _strangers(folder: Path) -> Iterator[Problem]:
    """What would not be read in a folder beside the declarations: in another one than ``defaults`` and ``assets``, everything."""
    above = folder.parent.name
    for name, folders, files in os.walk(folder):  # which follows no link to a folder
        folders[:] = sorted(found for found in folders if not found.startswith("."))
        for path in (Path(name, file) for file in sorted(files) if not file.startswith(".")):
            if folder.name == "defaults":
                if path.parent != folder or path.suffix != SUFFIX:
                    yield _unread(path, f"defaults/ has one <tier>{SUFFIX} for each tier")
            elif folder.name == "assets":
                if path.suffix.lower() in (SUFFIX, ".yml", ".json"):
                    yield _unread(path, f"move it up where it is a declaration: {above}/<slug>{SUFFIX}")
            elif path.suffix.lower() not in _BESIDE:
                yield _unread(path, f"declarations stand in {above}/ itself, assets in {above}/assets/<slug>/")


def _unread(path: Path, hint: str) -> Problem:
    return Problem(display(path), 1, 1, "would not be read", hint)


def display(path: Path) -> str:
    """A path as a person would write it from where they are; quoted when its name could confuse a terminal."""
    here = Path.cwd()
    absolute = here / path
    name = str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
    return name if name.isprintable() else repr(name)


Claims = tuple[tuple[int, str], ...]
"""The host names a tenant claims: their index in its ``domains`` and their canonical form. Those of its e-mail addresses have an ``@``
before them, and their index in ``sign_in.email_domains``."""


def claims_of(tenant: TenantDeclaration) -> Claims:
    """A tenant's claims; one that is gone has none any more."""
    if tenant.gone:
        return ()
    return (*enumerate(tenant.domains), *((index, f"@{domain}") for index, domain in enumerate(tenant.sign_in.email_domains)))


class FileReader:
    """Reads declarations of one folder.

    ``problems`` collects what is wrong with them and with the tiers' defaults, ``claims`` what the files that were read
    claim by slug, as far as it can be told, so that a broken file is still compared with the others.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.problems: list[Problem] = []
        self.claims: dict[str, Claims] = {}
        self._tiers: dict[str, dict[str, Any] | None] = {}

    @cached_property
    def tiers(self) -> tuple[str, ...]:
        """The tiers there are: the names of the files in ``defaults/``."""
        return tuple(sorted(path.stem for path in (self.directory / "defaults").glob(f"*{SUFFIX}")))

    def tier(self, name: str) -> dict[str, Any] | None:
        """What the tenants of a tier start from; none when its file is wrong, which is told once."""
        if name not in self._tiers:
            self._tiers[name] = self._read_tier(name, self.directory / "defaults" / f"{name}{SUFFIX}")
        return self._tiers[name]

    def read(self, slug: str) -> TenantDeclaration | None:
        """The tenant of its file; none when something is wrong, which ``problems`` then tells."""
        self.claims[slug] = ()
        return self._read(slug, None)

    def check(self, slug: str, data: bytes) -> TenantDeclaration | None:
        """The tenant that a file with these bytes would declare; like ``read``, but no such file has to exist."""
        return self._read(slug, data)

    def position(self, slug: str, place: Place, *, key: bool = False) -> tuple[str, int, int]:
        """Where a file says something, as file, line, column; line 1 when it comes from the tier or is the file's name."""
        path = self.directory / f"{slug}{SUFFIX}"
        try:
            found = parse(read_bytes(path))[1].of(place, key=key)
        except YamlFaults:
            found = None
        return display(path), *(found or (1, 1))

    def _read(self, slug: str, data: bytes | None) -> TenantDeclaration | None:
        path = self.directory / f"{slug}{SUFFIX}"
        try:
            source = self._parsed(path, data)
            return self._tenant(slug, path, *source) if source is not None else None
        except Exception as error:  # a picture or a text that a library chokes on is this tenant's, and every other file is still told of
            first = (str(error).splitlines() or [""])[0]
            self.problems.append(Problem(display(path), 1, 1, f"cannot be checked: {type(error).__name__}: {first}", "please report it"))
            return None

    def _tenant(self, slug: str, path: Path, given: dict[str, Any], positions: Positions) -> TenantDeclaration | None:
        tier = given.get("tier")
        defaults: dict[str, Any] = {}
        if isinstance(tier, str):
            if tier not in self.tiers:
                self._add(path, positions, Explanation(("tier",), f"there is no tier {shown(tier)}", nearest(tier, self.tiers)))
            else:
                found = self.tier(tier)
                if found is None:
                    return None
                defaults = found
        try:
            tenant = TenantDeclaration.model_validate(effective(slug, defaults, given))
        except ValidationError as error:
            self._translate(error, path, positions)
            self.claims[slug] = tuple(legible_claims(given))
            self._check_assets(slug, given.get("branding"), path, positions)
            tenant = None
        if "slug" in given:
            self._add(path, positions, Explanation(("slug",), "unknown key 'slug'", "the file's name is the slug", True))
        if tenant is not None:
            self.claims[slug] = claims_of(tenant)
            self._check_assets(slug, tenant.branding.model_dump(), path, positions)
        return tenant

    def _read_tier(self, name: str, path: Path) -> dict[str, Any] | None:
        source = self._parsed(path, None)
        if source is None:
            return None
        given, positions = source
        before = len(self.problems)
        for key in given.keys() & FILE_ONLY:
            self._add(path, positions, Explanation((key,), f"a tier cannot say {key!r}", "it belongs into each tenant's file", True))
        try:
            sample = {"name": "Sample", "tier": name, "admin": {"name": "Sample", "email": "admin@sample.example"}}
            tenant = TenantDeclaration.model_validate(effective("sample", given, sample))
        except ValidationError as error:
            self._translate(error, path, positions)
        else:
            self._check_assets("sample", tenant.branding.model_dump(), path, positions)
        return given if len(self.problems) == before else None

    def _parsed(self, path: Path, data: bytes | None) -> tuple[dict[str, Any], Positions] | None:
        try:
            return parse(read_bytes(path) if data is None else data)
        except YamlFaults as error:
            name = display(path)
            self.problems.extend(Problem(name, fault.line, fault.column, fault.message, fault.hint) for fault in error.faults)
            return None

    def _check_assets(self, slug: str, branding: Any, path: Path, positions: Positions) -> None:
        for use in ("logo", "favicon"):
            asset = branding.get(use) if isinstance(branding, dict) else None
            if isinstance(asset, str) and is_asset_path(asset):
                try:
                    check_asset(self.directory, slug, use, asset)
                except PydanticCustomError as error:
                    context = error.context or {}
                    self._add(path, positions, Explanation(("branding", use), context["message"], context["hint"]))

    def _translate(self, error: ValidationError, path: Path, positions: Positions) -> None:
        found = error.errors(include_url=False)
        for details in found[:MAX_FAULTS]:
            self._add(path, positions, explain(details, TenantDeclaration))
        if len(found) > MAX_FAULTS:
            self.problems.append(Problem(display(path), 1, 1, f"has {len(found) - MAX_FAULTS} more problems than are shown"))

    def _add(self, path: Path, positions: Positions, found: Explanation) -> None:
        """The place itself, or the nearest thing around it that stands in the file."""
        place = found.place
        at = positions.of(place, key=found.about_key) or positions.of(place, key=True)
        while at is None and place:
            place = place[:-1]
            at = positions.of(place, key=True) if place else (1, 1)
        self.problems.append(Problem(display(path), *(at or (1, 1)), found.message, found.hint))


def legible_claims(given: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """What a file that has other errors claims; what is wrong with the rest is reported already."""
    sign_in = given.get("sign_in")
    addresses = sign_in.get("email_domains") if isinstance(sign_in, dict) else None
    for listed, mark, check in ((given.get("domains"), "", canonical_host), (addresses, "@", email_domain)):
        for index, text in enumerate(listed if isinstance(listed, list | tuple) else ()):
            with suppress(PydanticCustomError):
                if isinstance(text, str):
                    yield index, mark + check(text)
