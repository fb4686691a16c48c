"""How a tenant's e-mails look and what they say, as it is configured at this moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tenantry.declaration.branding import asset_key
from tenantry.declaration.keys import CONFIGURATION_KEYS
from tenantry.declaration.mail import EmailTemplate

if TYPE_CHECKING:
    import psycopg

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_FONT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Look:
    """A tenant's branding, legal links (empty where it has none) and the template of one e-mail."""

    tenant_name: str
    app_name: str
    host: str
    terms: str
    privacy: str
    primary: str
    on_primary: str
    """Black or white, whichever can be read on ``primary``."""
    background: str
    text: str
    font: str
    logo: tuple[str, str] | None
    """Bucket and object key of a logo that e-mail programs show (PNG); SVG is shown by hardly any."""
    template: EmailTemplate

    @classmethod
    def of(cls, connection: psycopg.Connection[dict[str, Any]], tenant_id: UUID, kind: str) -> Look:
        """The look of the tenant's e-mail ``kind``: its configuration rows, and the built-in values where there are none."""
        tenant = connection.execute("SELECT name, host, bucket, prefix FROM tenants WHERE id = %s", [tenant_id]).fetchone()
        if tenant is None:
            raise LookupError(f"no tenant {tenant_id}")
        rows = connection.execute("SELECT config_key, config_value FROM tenant_configurations WHERE tenant_id = %s", [tenant_id])
        values = {row["config_key"]: row["config_value"] for row in rows}

        def value(key: str) -> str:
            return str(values.get(key) or CONFIGURATION_KEYS[key].default or "")

        def colour(name: str) -> str:
            found = value(f"theme.{name}").lower()
            # What reaches a style attribute is checked where it is used, whoever wrote the row.
            return found if _COLOUR.fullmatch(found) else str(CONFIGURATION_KEYS[f"theme.{name}"].default)

        font, logo = value("theme.font"), value("branding.logo")
        return cls(
            tenant_name=tenant["name"],
            app_name=str(values.get("branding.app_name") or tenant["name"]),
            host=tenant["host"],
            terms=value("legal.terms"),
            privacy=value("legal.privacy"),
            primary=colour("primary"),
            on_primary=readable_on(colour("primary")),
            background=colour("background"),
            text=colour("text"),
            font=font if _FONT.fullmatch(font) else str(CONFIGURATION_KEYS["theme.font"].default),
            logo=(tenant["bucket"], asset_key(tenant["prefix"], "logo", logo)) if logo.lower().endswith(".png") else None,
            template=EmailTemplate(subject=value(f"email_templates.{kind}.subject"), body=value(f"email_templates.{kind}.body")),
        )

    def values(self) -> dict[str, str]:
        """The placeholders that every e-mail of the tenant may use, but for the recipient's."""
        return {
            "app_name": self.app_name,
            "tenant_name": self.tenant_name,
            "login_url": f"https://{self.host}/login",
            "terms_url": self.terms,
            "privacy_url": self.privacy,
        }


def readable_on(colour: str) -> str:
    """``#000000`` or ``#ffffff``, whichever has the higher contrast on ``colour`` (``#rrggbb``)."""
    return max(("#000000", "#ffffff"), key=lambda other: contrast(other, colour))


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast of two colours (``#rrggbb``), 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    def channel(at: int) -> float:
        share = int(colour[at : at + 2], 16) / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
