"""`tenantry mail-domain`: domains of the addresses of a tenant's people, and what proves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import groups
from tenantry.commands.options import Json, Slug

if TYPE_CHECKING:
    from tenantry.operations.email_domains import EmailDomain


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    words = "People who come in by the domain of their address: docs/onboarding.md.\n\nExample: tenantry mail-domain list acme"
    groups.add(app, "mail-domain", words, {"list": list_, "check": check})


def list_(slug: Slug, as_json: Json = False) -> None:
    """Show the e-mail domains that a tenant's file names, and the TXT record that proves each.

    Example: tenantry mail-domain list acme
    """
    from tenantry.operations import email_domains

    _show(slug, email_domains.listed(slug), as_json)


def check(
    slug: Slug,
    domain: Annotated[str | None, typer.Argument(metavar="[DOMAIN]", help="One of them; all when left out.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Ask DNS now whether they are proved; a task does it every ten minutes until they are, and then once a day.

    Example: tenantry mail-domain check acme acme.example
    """
    from tenantry.operations import email_domains

    _show(slug, email_domains.check(slug, domain, actor=Actor.of_environment()), as_json)


def _show(slug: str, found: Sequence[EmailDomain], as_json: bool) -> None:
    if as_json:
        console.print_json([asdict(each) for each in found])
        return
    console.print_table(
        ("domain", "proved", "TXT record", "says"),
        [
            (each.domain, f"{each.verified_at:%Y-%m-%d}" if each.verified_at else each.problem or "not yet", each.record, each.value)
            for each in found
        ],
    )
    if not found:
        console.say(f"{slug} names none: sign_in.email_domains in its file, then tenantry up")
