"""A tenant's effective declaration: its tier's defaults overlaid by its file, checked and frozen."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Annotated, Any, Final, Literal, get_args
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WrapValidator

from tenantry import naming
from tenantry.declaration.assets import AssetPath
from tenantry.declaration.keys import COLOURS, FEATURES, LIMITS, USER_DEFAULTS
from tenantry.declaration.mail import Email, EmailTemplate, check_templates
from tenantry.declaration.sign_in import SignIn
from tenantry.declaration.theme import Theme
from tenantry.hosts import HostName, Link
from tenantry.problems import at, invalid, nearest, shown, together
from tenantry.text import AppName, Line

Isolation = Literal["rls", "schema", "database", "instance"]
State = Literal["active", "suspended", "offboarding", "archived", "deleted"]
RowContext = Literal["plain", "signed"]
ISOLATIONS: Final[tuple[str, ...]] = get_args(Isolation)
STATES: Final[tuple[str, ...]] = get_args(State)

_CONFIG = ConfigDict(frozen=True, extra="forbid", strict=True)


class Admin(BaseModel):
    """The tenant's first administrator."""

    model_config = _CONFIG

    name: Line = Field(description="The administrator's name: one visible line of at most 100 characters")
    email: Email = Field(description="Where the invitation goes")


class Branding(BaseModel):
    """What the application is called and shows in the tenant's place."""

    model_config = _CONFIG

    app_name: AppName = Field(description="The application's name, at most 60 characters; the tenant's name when left out")
    logo: AssetPath | None = Field(default=None, description="An SVG or PNG file: `assets/<slug>/<file>`")
    favicon: AssetPath | None = Field(default=None, description="An SVG, PNG or ICO file: `assets/<slug>/<file>`")


class Legal(BaseModel):
    """Links to the tenant's own legal pages."""

    model_config = _CONFIG

    terms: Link | None = Field(default=None, description="The terms of service: an https link")
    privacy: Link | None = Field(default=None, description="The privacy statement: an https link")


@cache
def _time_zones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _time_zone(text: str) -> str:
    # A machine without the database of time zones takes whatever looks like one.
    if (known := _time_zones()) and text not in known:
        raise invalid(f"there is no time zone {shown(text)}", nearest(text, known) or "write it as Europe/Berlin")
    return text


class UserDefaults(BaseModel):
    """What a new user's settings are at first; without a value the platform's."""

    model_config = _CONFIG

    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")] | None = Field(
        default=None, description="The language, as BCP 47 writes it: `de`, `pt-BR`; the platform's is `en`"
    )
    time_zone: (
        Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_+/-]*$"), AfterValidator(_time_zone)] | None
    ) = Field(default=None, description="The time zone, as the IANA names it: `Europe/Berlin`; the platform's is `UTC`")
    email_notifications: bool | None = Field(
        default=None, description="Whether the user is told of things by e-mail; the platform's answer is yes"
    )


def _limit(key: str) -> Any:
    limit = LIMITS[key]
    return Field(default=limit.default, ge=limit.minimum, le=limit.maximum, description=limit.meaning)


class Limits(BaseModel):
    """What a tenant may use."""

    model_config = _CONFIG

    storage_gb: int = _limit("storage_gb")
    users: int = _limit("users")
    connections: int = _limit("connections")


class Server(BaseModel):
    """The database server of a tenant whose isolation is ``instance``; others have none, and it waits for a move there."""

    model_config = _CONFIG

    instance_class: Annotated[str, StringConstraints(pattern=r"^db\.[a-z0-9-]{2,20}\.[a-z0-9-]{2,20}$")] = Field(
        default="db.t4g.small", description="What RDS calls the machine"
    )
    subnet_group: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,254}$")] | None = Field(
        default=None, description="The DB subnet group, which decides the network; at first RDS's default one"
    )
    security_groups: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]{8,17}$")], ...], Field(strict=False, max_length=5)
    ] = Field(default=(), description="Security groups of that network (`sg-…`), at most 5; at first its default one")


def _feature_key(key: str) -> str:
    if key not in FEATURES:
        raise invalid(f"there is no feature {shown(key)}", nearest(key, FEATURES))
    return key


def _features(given: dict[str, bool]) -> dict[str, bool]:
    return {key: given.get(key, feature.default) for key, feature in FEATURES.items()}


def _slug(text: str) -> str:
    if not naming.is_slug(text):
        raise invalid(f"{shown(text)} is not a tenant's slug", f"a slug is {naming.SLUG_RULE}")
    if naming.is_reserved(text):
        raise invalid(f"the slug {text!r} is reserved for the platform", "choose another slug")
    return text


def _cell(text: str) -> str:
    if not naming.is_cell(text):
        raise invalid(f"{shown(text)} is not a cell's name", f"a cell is {naming.CELL_RULE}")
    return text


def _domains(hosts: tuple[str, ...]) -> tuple[str, ...]:
    twice = [
        at((index,), invalid(f"{host!r} is listed twice", "remove one"), host) for index, host in enumerate(hosts) if host in hosts[:index]
    ]
    if twice:
        raise together(twice)
    return hosts


def _labels(given: dict[str, str]) -> dict[str, str]:
    if len(given) > 20:
        raise invalid("has more than 20 labels", "remove some")
    return given


LabelKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,39}$")]
LabelValue = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9 ._@/+-]*$")]


class TenantDeclaration(BaseModel):
    """One tenant, complete: what is not in its file comes from its tier, then from the registry in ``keys``."""

    model_config = _CONFIG

    slug: Annotated[str, AfterValidator(_slug)] = Field(description="The file's name without `.yaml`")
    name: Line = Field(description="The tenant's name: one visible line of at most 100 characters")
    tier: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")] = Field(
        description="What the tenant starts from: a file in `defaults/`"
    )
    isolation: Isolation = Field(
        default="rls", description="`rls`, `schema`: in the cell's stack; `database`, `instance`: in a stack of its own, named by the slug"
    )
    row_context: RowContext = Field(
        default="plain",
        description="How the application names the tenant where its rows are in shared tables (`rls`): `signed` needs a token, so that an"
        " SQL injection opens no other tenant's rows",
    )
    cell: Annotated[str, AfterValidator(_cell)] = Field(
        default=naming.MAIN_CELL, description="The cell: `main` is the stack `shared`, any other `shared-<cell>`"
    )
    state: State = Field(
        default="active", description="Changed with `tenantry suspend`, `offboard` and the like; removing a file deletes nothing"
    )
    admin: Admin = Field(description="The first administrator")
    domains: Annotated[tuple[HostName, ...], Field(strict=False, max_length=20), AfterValidator(_domains)] = Field(
        default=(), description="Custom host names, at most 20; Unicode is kept in its ASCII form"
    )
    branding: Branding = Field(description="Name and pictures")
    theme: Theme = Field(default=Theme(), description="Colours, font and CSS")
    features: Annotated[dict[Annotated[str, AfterValidator(_feature_key)], bool], AfterValidator(_features)] = Field(
        default_factory=dict, validate_default=True, description="Toggles by key; those left out have their default"
    )
    email_templates: Annotated[dict[str, EmailTemplate], WrapValidator(check_templates)] = Field(
        default_factory=dict, validate_default=True, description="The tenant's own texts by key; the built-in ones serve otherwise"
    )
    legal: Legal = Field(default=Legal(), description="Links to the tenant's legal pages")
    user_defaults: UserDefaults = Field(default=UserDefaults(), description="What a new user's settings are at first")
    sign_in: SignIn = Field(default=SignIn(), description="How the tenant's people sign in")
    limits: Limits = Field(default=Limits(), description="What the tenant may use")
    server: Server = Field(default=Server(), description="The database server of an `instance` tenant; its disk is `limits.storage_gb`")
    labels: Annotated[dict[LabelKey, LabelValue], AfterValidator(_labels)] = Field(
        default_factory=dict, description="Anything the platform's people want to sort by, at most 20; never shown to the tenant"
    )

    @cached_property
    def id(self) -> UUID:
        """The tenant's id everywhere, from its slug alone."""
        return naming.tenant_id(self.slug)

    @property
    def gone(self) -> bool:
        """Whether nothing of the tenant is to be there: it was deleted, or archived and then deleted."""
        return self.state in ("archived", "deleted")

    @property
    def pooled(self) -> bool:
        """Whether the tenant lives in its cell's stack and database (``rls``, ``schema``)."""
        return self.isolation in naming.POOLED

    @property
    def stack(self) -> str:
        """The stack that holds the tenant."""
        return naming.stack_of(self.isolation, self.cell, self.slug)

    def configuration(self) -> dict[str, Any]:
        """The rows of ``tenant_configurations``: key → JSON value, in the registry's order; keys without a value are left out."""
        rows: dict[str, Any] = {
            "branding.app_name": self.branding.app_name,
            "branding.logo": self.branding.logo,
            "branding.favicon": self.branding.favicon,
        }
        rows.update((f"theme.{name}", getattr(self.theme, name)) for name in (*COLOURS, "font", "css"))
        rows.update((f"features.{key}", value) for key, value in self.features.items())
        for key, template in self.email_templates.items():
            rows[f"email_templates.{key}.subject"] = template.subject
            rows[f"email_templates.{key}.body"] = template.body
        rows["legal.terms"] = self.legal.terms
        rows["legal.privacy"] = self.legal.privacy
        rows.update((f"user_defaults.{key}", getattr(self.user_defaults, key)) for key in USER_DEFAULTS)
        rows["sign_in.email_domains"] = list(self.sign_in.email_domains) or None
        rows["sign_in.issuer"], rows["sign_in.client_id"] = self.sign_in.issuer, self.sign_in.client_id
        rows.update((f"limits.{key}", getattr(self.limits, key)) for key in LIMITS)
        return {key: value for key, value in rows.items() if value is not None}
