"""What a tenant's mail would look like, with made-up values."""

from __future__ import annotations

from tenantry.control.database import transaction
from tenantry.declaration.keys import TEMPLATES
from tenantry.errors import InputError
from tenantry.problems import nearest
from tenantry.rendering import message
from tenantry.rendering.look import Look
from tenantry.rendering.message import Rendered
from tenantry.stores.tenant_store import TenantStore


def preview(slug: str, kind: str) -> Rendered:
    """The mail of that kind, a key of ``email_templates``. Nothing is sent. ``InputError`` for an unknown tenant or kind."""
    if kind not in TEMPLATES:
        raise InputError(f"there is no e-mail {kind}", nearest(kind, TEMPLATES))
    store = TenantStore.of(slug)
    with transaction() as connection:
        look = Look.of(connection, store.id, kind)
    values = {name: f"https://{look.host}/EXAMPLE" if name.endswith("_url") else name.upper() for name in TEMPLATES[kind].placeholders}
    return message.render(look, {"user_name": "Ada Byron", "user_email": "ada@example.com", **values})
