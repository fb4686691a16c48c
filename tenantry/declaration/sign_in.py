"""How a tenant's people sign in: the domains of their addresses, and a provider of their own."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tenantry.hosts import Link, canonical_host, is_within
from tenantry.problems import at, invalid, shown, together

_PUBLIC: Final = """
    126.com 163.com aol.com bigpond.com bluewin.ch btinternet.com comcast.net duck.com email.com fastmail.com free.fr freenet.de gmail.com
    gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr hotmail.it icloud.com
    inbox.com interia.pl laposte.net libero.it live.com mac.com mail.com mail.ru mailbox.org mailinator.com me.com msn.com naver.com o2.pl
    orange.fr outlook.com outlook.de outlook.fr pm.me posteo.de proton.me protonmail.com qq.com rediffmail.com rocketmail.com seznam.cz
    sfr.fr shaw.ca sky.com t-online.de telenet.be tiscali.it tuta.com tutanota.com uol.com.br verizon.net virgilio.it wanadoo.fr web.de
    wp.pl yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de yahoo.fr yandex.com yandex.ru ymail.com zoho.com
"""
PUBLIC_MAIL: Final = frozenset(_PUBLIC.split())
"""Where anybody can have an address. None of them would ever be proved to be a tenant's, by DNS: the list says so at once, to whoever
writes it by mistake. So it has the great ones, and need not have all."""


@lru_cache(maxsize=4096)
def email_domain(text: str) -> str:
    """The domain of e-mail addresses in canonical ASCII form; a ``PydanticCustomError`` for what cannot be one tenant's."""
    domain = canonical_host(text)
    if any(is_within(domain, public) for public in PUBLIC_MAIL):
        raise invalid(f"anybody can have an address at {domain}", "name a domain of the tenant's own; invite whoever has none there")
    return domain


def _once(domains: tuple[str, ...]) -> tuple[str, ...]:
    twice = [
        at((n,), invalid(f"{domain!r} is listed twice", "remove one"), domain) for n, domain in enumerate(domains) if domain in domains[:n]
    ]
    if twice:
        raise together(twice)
    return domains


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise invalid(f"{shown(text)} has a query or a fragment, which no issuer has", "as the provider's documents name it")
    return text.rstrip("/")


EmailDomain = Annotated[str, StringConstraints(max_length=253), AfterValidator(email_domain)]


class SignIn(BaseModel):
    """How the tenant's people sign in."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    email_domains: Annotated[tuple[EmailDomain, ...], Field(strict=False, max_length=20), AfterValidator(_once)] = Field(
        default=(),
        description="Whoever has an address there becomes a member at the first sign-in, once the tenant has proved that it has the domain"
        " ([onboarding.md](onboarding.md#by-an-e-mail-domain)); at most 20, without those below them",
    )
    issuer: Annotated[Link, AfterValidator(_issuer)] | None = Field(
        default=None,
        description="The tenant's own provider of OpenID Connect, as it names itself: an https link. Its people sign in there, and by"
        " nothing else ([sign-in.md](sign-in.md#a-tenants-own-provider))",
    )
    client_id: Annotated[str, StringConstraints(max_length=200, pattern=r"^[\x21-\x7e]+$")] | None = Field(
        default=None, description="What that provider calls us; the secret that goes with it is set by `tenantry sso secret`"
    )

    @model_validator(mode="after")
    def _whole(self) -> SignIn:
        if (self.issuer is None) != (self.client_id is None):
            raise invalid("issuer and client_id go together", "name both, or neither")
        return self
