"""The one registry of what can be configured: feature toggles, limits, texts; their types, defaults, ranges and editors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

Editor = Literal["platform", "tenant_admin"]
ValueType = Literal["text", "boolean", "integer", "colour", "font", "css", "asset", "url", "template", "hosts"]


@dataclass(frozen=True, slots=True)
class Feature:
    """A toggle: what it switches, its value where neither tier nor tenant says otherwise, and who may change it."""

    key: str
    meaning: str
    default: bool = False
    editor: Editor = "platform"


@dataclass(frozen=True, slots=True)
class Limit:
    """A whole number with an inclusive range, counted in ``unit``."""

    key: str
    meaning: str
    default: int
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class ConfigurationKey:
    """A row's key in ``tenant_configurations``: the type of its JSON value, default, range (inclusive) and who may change it.

    ``runtime``: whether it can be changed without the file. A key that the engine makes something of (a role's connection limit) cannot:
    the row would say what is not so. A picture (type ``asset``) is uploaded, which writes the row once the object is there.
    """

    key: str
    type: ValueType
    meaning: str
    default: Any = None
    minimum: int | None = None
    maximum: int | None = None
    editor: Editor = "tenant_admin"
    runtime: bool = True

    @property
    def uploaded(self) -> bool:
        """Whether it is changed at runtime by uploading something."""
        return self.type == "asset"


def _by_key(*items: Any) -> Mapping[str, Any]:
    return MappingProxyType({item.key: item for item in items})


FEATURES: Final[Mapping[str, Feature]] = _by_key(
    Feature("api_access", "Tokens for the application's API"),
    Feature("audit_log", "The record of who did what, visible to tenant administrators"),
    Feature("custom_css", "The theme's CSS is served", default=True),
    Feature("exports", "Users may download their data", default=True, editor="tenant_admin"),
    Feature("guest_users", "People outside the organisation may be invited", editor="tenant_admin"),
    Feature("reports", "The reports page"),
    Feature("sso", "Single sign-on"),
    Feature("webhooks", "Events are posted to addresses of the tenant's choice"),
)

LIMITS: Final[Mapping[str, Limit]] = _by_key(
    Limit("storage_gb", "Objects and rows, in gigabytes (10⁹ bytes)", 5, 1, 10_000),
    Limit("users", "Users that are not deleted", 10, 1, 100_000),
    Limit("connections", "Database connections at one time", 5, 1, 500),
)

USER_DEFAULTS: Final[Mapping[str, Any]] = MappingProxyType({"locale": "en", "time_zone": "UTC", "email_notifications": True})
"""What a person's settings begin with. SQL has them too (migrations/control/0019_onboarding.sql); a test holds them equal."""

COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {"primary": "#0b5fff", "secondary": "#5b6472", "accent": "#ff8a00", "background": "#ffffff", "text": "#1b1f24"}
)
FONT: Final = "system-ui"

COMMON_PLACEHOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "app_name": "the application's name in the tenant's branding",
        "tenant_name": "the tenant's name",
        "user_name": "the recipient's name",
        "user_email": "the recipient's address",
        "login_url": "where the recipient signs in",
        "terms_url": "the tenant's terms",
        "privacy_url": "the tenant's privacy statement",
    }
)


@dataclass(frozen=True, slots=True)
class Template:
    """An e-mail the platform sends: when, what else than the common placeholders it may say, and the built-in text."""

    key: str
    meaning: str
    subject: str
    body: str
    placeholders: Mapping[str, str] = field(default_factory=dict)
    while_inactive: bool = False
    """Sent to a tenant that is not active, too; every other e-mail is cancelled then."""

    @property
    def allowed(self) -> frozenset[str]:
        """Every placeholder this e-mail may use."""
        return frozenset(COMMON_PLACEHOLDERS) | frozenset(self.placeholders)


_NEXT: Final = MappingProxyType({"next_url": "where to go on: the invitation, or the sign-in page once it was accepted"})

TEMPLATES: Final[Mapping[str, Template]] = _by_key(
    Template(
        "welcome",
        "Sent when a user has accepted an invitation",
        "Welcome to {{ app_name }}",
        "Hello {{ user_name }},\n\nyour account at {{ tenant_name }} is ready: {{ login_url }}\n",
        MappingProxyType({"tour_url": "the tour or set-up wizard of the recipient's role"}),
    ),
    Template(
        "invitation",
        "Sent to a person invited by an administrator, and to the first administrator",
        "You are invited to {{ app_name }}",
        "Hello {{ user_name }},\n\nyou are invited to {{ tenant_name }}. Accept until {{ expires_at }}: {{ invitation_url }}\n",
        MappingProxyType(
            {
                "invitation_url": "where the invitation is accepted",
                "inviter_name": "who invites",
                "role": "the role the recipient will have",
                "expires_at": "when the invitation ends",
            }
        ),
    ),
    Template(
        "welcome_day_2",
        "Sent to an administrator two days after the invitation was accepted; before that to the first one, two days after it",
        "Your first days with {{ app_name }}",
        "Hello {{ user_name }},\n\n{{ app_name }} for {{ tenant_name }} has been ready for two days. Go on here: {{ next_url }}\n",
        _NEXT,
    ),
    Template(
        "welcome_day_7",
        "Sent to an administrator seven days after the invitation was accepted; before that to the first one, seven days after it",
        "A week with {{ app_name }}",
        "Hello {{ user_name }},\n\n{{ app_name }} for {{ tenant_name }} is a week old. Invite your colleagues: {{ next_url }}\n",
        _NEXT,
    ),
    Template(
        "password_reset",
        "Sent to a user who asked for a new password",
        "Your new password for {{ app_name }}",
        "Hello {{ user_name }},\n\nset a new password until {{ expires_at }}: {{ reset_url }}\n",
        MappingProxyType({"reset_url": "where the password is set", "expires_at": "when that link ends"}),
    ),
    Template(
        "domain_ready",
        "Sent to tenant administrators when a custom domain serves the application",
        "{{ domain }} is ready",
        "Hello {{ user_name }},\n\n{{ app_name }} now answers at https://{{ domain }}\n",
        MappingProxyType({"domain": "the custom domain"}),
    ),
    Template(
        "suspended",
        "Sent to tenant administrators when the tenant is suspended",
        "{{ app_name }} is suspended",
        "Hello {{ user_name }},\n\n{{ app_name }} for {{ tenant_name }} is suspended. Nothing is deleted.\n",
        while_inactive=True,
    ),
)


FULLER: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "invitation": (
            "inviter_name",
            "Hello {{ user_name }},\n\n{{ inviter_name }} invites you to {{ tenant_name }}. Your role: {{ role }}."
            " Accept until {{ expires_at }}: {{ invitation_url }}\n",
        ),
        "welcome": (
            "tour_url",
            "Hello {{ user_name }},\n\nyour account at {{ tenant_name }} is ready: {{ login_url }}\n\nBegin here: {{ tour_url }}\n",
        ),
    }
)
"""E-mail → a placeholder, and the text that stands for the built-in one where a mail has a value for it.

Not the built-in text itself: that is a row of every tenant, and another text would be a change of each.
"""


def _configuration_keys() -> Mapping[str, ConfigurationKey]:
    keys = [
        ConfigurationKey("branding.app_name", "text", "The application's name", "the tenant's name", 1, 60),
        ConfigurationKey("branding.logo", "asset", "The logo: an SVG or PNG file"),
        ConfigurationKey("branding.favicon", "asset", "The browser's icon: an SVG, PNG or ICO file"),
    ]
    keys += [ConfigurationKey(f"theme.{name}", "colour", f"The {name} colour", default) for name, default in COLOURS.items()]
    keys.append(ConfigurationKey("theme.font", "font", "The font's family name", FONT))
    keys.append(ConfigurationKey("theme.css", "css", "CSS after the theme's own", "", 0, 65_536))
    keys += [ConfigurationKey(f"features.{f.key}", "boolean", f.meaning, f.default, editor=f.editor) for f in FEATURES.values()]
    for template in TEMPLATES.values():
        keys.append(
            ConfigurationKey(
                f"email_templates.{template.key}.subject", "template", f"{template.meaning}: its subject", template.subject, 1, 200
            )
        )
        keys.append(
            ConfigurationKey(f"email_templates.{template.key}.body", "template", f"{template.meaning}: its text", template.body, 1, 20_000)
        )
    keys.append(ConfigurationKey("legal.terms", "url", "The terms of service"))
    keys.append(ConfigurationKey("legal.privacy", "url", "The privacy statement"))
    keys += [
        ConfigurationKey("user_defaults.locale", "text", "A new user's language", USER_DEFAULTS["locale"], 2, 35),
        ConfigurationKey("user_defaults.time_zone", "text", "A new user's time zone", USER_DEFAULTS["time_zone"], 1, 64),
        ConfigurationKey(
            "user_defaults.email_notifications",
            "boolean",
            "Whether a new user is told of things by e-mail",
            USER_DEFAULTS["email_notifications"],
        ),
    ]
    people: Any = {"editor": "platform", "runtime": False}  # a file is reviewed: whoever set one of these could let anybody in
    keys += [
        ConfigurationKey("sign_in.email_domains", "hosts", "Domains of the addresses of the tenant's people", **people),
        ConfigurationKey("sign_in.issuer", "url", "The tenant's own provider of single sign-on", **people),
        ConfigurationKey("sign_in.client_id", "text", "What that provider calls us", None, 1, 200, **people),
    ]
    keys += [
        ConfigurationKey(
            f"limits.{limit.key}",
            "integer",
            limit.meaning,
            limit.default,
            limit.minimum,
            limit.maximum,
            "platform",
            runtime=limit.key != "connections",
        )
        for limit in LIMITS.values()
    ]
    return _by_key(*keys)


CONFIGURATION_KEYS: Final[Mapping[str, ConfigurationKey]] = _configuration_keys()
