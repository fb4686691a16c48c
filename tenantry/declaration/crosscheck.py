"""What one file alone cannot show: names that two tenants claim, look alike, or that are the platform's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tenantry import naming
from tenantry.declaration.explain import Place
from tenantry.declaration.files import Claims, FileReader
from tenantry.hosts import host_skeleton, is_within, skeleton_ascii
from tenantry.problems import Problem
from tenantry.settings import PlatformSettings

_RESERVED_SHAPES: Mapping[str, str] = {skeleton_ascii(slug): slug for slug in naming.RESERVED_SLUGS}


def cross_check(claims: Mapping[str, Claims], reader: FileReader, settings: PlatformSettings | None) -> Iterator[Problem]:
    """Problems between declarations, in the order of the slugs; the later of two claims is the one reported."""
    yield from _slugs(claims, reader, settings)
    yield from _domains(claims, reader, settings)


def _slugs(claims: Mapping[str, Claims], reader: FileReader, settings: PlatformSettings | None) -> Iterator[Problem]:
    shapes: dict[str, str] = {}
    edge = settings.endpoint.removesuffix(f".{settings.domain}") if settings else ""
    for slug in sorted(claims):
        shape = skeleton_ascii(slug)
        if (other := _RESERVED_SHAPES.get(shape)) is not None:
            yield _problem(reader, slug, (), f"the slug {slug!r} looks like {other!r}, which is the platform's", "choose another slug")
        if slug == edge:
            yield _problem(reader, slug, (), f"the slug {slug!r} is the host name of the platform's endpoint", "choose another slug")
        first = shapes.setdefault(shape, slug)
        if first != slug:
            yield _problem(reader, slug, (), f"the slug {slug!r} looks like the tenant {first!r}", "choose another slug")


def _domains(claims: Mapping[str, Claims], reader: FileReader, settings: PlatformSettings | None) -> Iterator[Problem]:
    owners: dict[str, tuple[str, str]] = {}
    for slug in sorted(claims):
        for index, host in claims[slug]:
            if host.startswith("@"):
                yield from _email_domain(reader, slug, index, host, owners, settings)
                continue
            place = ("domains", index)
            if settings and is_within(host, settings.domain):
                hint = f"the tenant has {naming.host(slug, settings.domain)} without declaring it"
                yield _problem(reader, slug, place, f"{host!r} belongs to the platform's own domain", hint)
                continue
            if settings and host == settings.endpoint:
                yield _problem(reader, slug, place, f"{host!r} is the platform's endpoint", "name a host of the tenant's own")
            first_host, first = owners.setdefault(host_skeleton(host), (host, slug))
            if first == slug:
                continue
            if first_host == host:
                yield _problem(reader, slug, place, f"{host!r} is already claimed by the tenant {first!r}", "a host name has one tenant")
            else:
                yield _problem(reader, slug, place, f"{host!r} looks like {first_host!r} of the tenant {first!r}", "choose another name")


def _email_domain(
    reader: FileReader, slug: str, index: int, host: str, owners: dict[str, tuple[str, str]], settings: PlatformSettings | None
) -> Iterator[Problem]:
    """One that two declare would let the people of one into the other."""
    place, domain = ("sign_in", "email_domains", index), host.removeprefix("@")
    if settings and is_within(domain, settings.domain):
        yield _problem(reader, slug, place, f"{domain!r} belongs to the platform's own domain", "name a domain of the tenant's own")
        return
    first_host, first = owners.setdefault(host_skeleton(host), (host, slug))
    if first == slug:
        return
    if first_host == host:
        message = f"the e-mail domain {domain!r} is already claimed by the tenant {first!r}"
        yield _problem(reader, slug, place, message, "an e-mail domain has one tenant; people of another one are invited")
    else:
        message = f"the e-mail domain {domain!r} looks like {first_host.removeprefix('@')!r} of the tenant {first!r}"
        yield _problem(reader, slug, place, message, "choose another name")


def _problem(reader: FileReader, slug: str, place: Place, message: str, hint: str) -> Problem:
    return Problem(*reader.position(slug, place), message, hint)
