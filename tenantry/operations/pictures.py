"""Pictures that a tenant's people upload: checked and written anew as those of a file are, and kept under the digest of their content.

They are in force as soon as the tenant's configuration says so: no run of the engine is needed (docs/adr/0042).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from pydantic_core import PydanticCustomError

from tenantry import naming
from tenantry.actor import Actor
from tenantry.clients import objects
from tenantry.control import configuration
from tenantry.control.portal import Portal, own_tenant
from tenantry.declaration.assets import content_type, uploaded
from tenantry.declaration.branding import FOLDER, HEADERS, asset_key
from tenantry.declaration.keys import Editor
from tenantry.declaration.values import changeable
from tenantry.errors import InputError
from tenantry.operations.configure import Changed, changed
from tenantry.stores import tenant_store
from tenantry.stores.tenant_store import TenantStore

Use = Literal["logo", "favicon"]

KEPT: Final = 20
"""Uploaded pictures that a tenant keeps: the newest, and those in force. One that is set again after that has to be uploaded again."""


def upload(slug: str, use: Use, data: bytes, *, editor: Editor, actor: Actor, portal: Portal | None = None) -> Changed:
    """Makes ``data`` the tenant's ``use``. ``InputError`` for what is no such picture, or may do something in a browser.

    The object is there before the row that names it: whoever dies in between leaves an object that nothing names.
    """
    key = changeable(f"branding.{use}", editor)
    try:
        value, content = uploaded(use, data)
    except PydanticCustomError as error:
        raise InputError(error.message(), (error.context or {}).get("hint") or "docs/branding.md says what a picture may be") from None
    place = _place(slug, portal)
    objects.put(
        place.bucket,
        asset_key(place.prefix, use, value),
        content,
        ContentType=content_type(value),
        # A browser that is led to the object itself saves it; <img> shows it all the same.
        ContentDisposition="attachment",
        CacheControl="public, max-age=31536000, immutable",
        Metadata=HEADERS,
    )
    done = changed(slug, key, *configuration.put(place.id, key.key, value, actor, portal))
    _forget_old(place, configuration.rows_of(place.id, portal))
    return done


class _Place(NamedTuple):
    """Where a tenant's pictures are."""

    id: UUID
    bucket: str
    prefix: str


def _place(slug: str, portal: Portal | None) -> _Place:
    if portal is None:
        store = TenantStore.of(slug)
        return _Place(store.id, store.bucket, store.prefix)
    own = own_tenant(portal, naming.tenant_id(slug))
    if own is None:
        raise tenant_store.unknown(slug, [])
    return _Place(own.tenant.id, own.bucket, own.prefix)


def read(bucket: str, key: str) -> bytes | None:
    """A picture's bytes; None: there is none."""
    return objects.read(bucket, key)


def _forget_old(place: _Place, rows: Mapping[str, Mapping[str, Any]]) -> None:
    in_force = {asset_key(place.prefix, "", str(row["config_value"])) for key, row in rows.items() if key.startswith("branding.")}
    newest_first = objects.newest(place.bucket, f"{place.prefix}{FOLDER}uploads/")
    for key in newest_first[KEPT:]:
        if key not in in_force:
            objects.hide(place.bucket, key)
