"""Pictures that a tenant's people upload: checked and written anew as those of a file are, and kept under the digest of their content.

They are in force as soon as the tenant's configuration says so: no run of the engine is needed (docs/adr/0042).
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic_core import PydanticCustomError

from tenantry.actor import Actor
from tenantry.clients import objects
from tenantry.control import configuration
from tenantry.declaration.assets import content_type, uploaded
from tenantry.declaration.branding import FOLDER, HEADERS, asset_key
from tenantry.declaration.keys import Editor
from tenantry.declaration.values import changeable
from tenantry.errors import InputError
from tenantry.operations.configure import Changed, changed
from tenantry.stores.tenant_store import TenantStore

Use = Literal["logo", "favicon"]

KEPT: Final = 20
"""Uploaded pictures that a tenant keeps: the newest, and those in force. One that is set again after that has to be uploaded again."""


def upload(slug: str, use: Use, data: bytes, *, editor: Editor, actor: Actor) -> Changed:
    """Makes ``data`` the tenant's ``use``. ``InputError`` for what is no such picture, or may do something in a browser.

    The object is there before the row that names it: whoever dies in between leaves an object that nothing names.
    """
    key = changeable(f"branding.{use}", editor)
    try:
        value, content = uploaded(use, data)
    except PydanticCustomError as error:
        raise InputError(error.message(), (error.context or {}).get("hint") or "docs/branding.md says what a picture may be") from None
    store = TenantStore.of(slug)
    objects.put(
        store.bucket,
        asset_key(store.prefix, use, value),
        content,
        ContentType=content_type(value),
        # A browser that is led to the object itself saves it; <img> shows it all the same.
        ContentDisposition="attachment",
        CacheControl="public, max-age=31536000, immutable",
        Metadata=HEADERS,
    )
    done = changed(slug, key, *configuration.put(store.id, key.key, value, actor))
    _forget_old(store)
    return done


def read(bucket: str, key: str) -> bytes | None:
    """A picture's bytes; None: there is none."""
    return objects.read(bucket, key)


def _forget_old(store: TenantStore) -> None:
    rows = configuration.rows([store.id])[store.id]
    in_force = {asset_key(store.prefix, "", str(row["config_value"])) for key, row in rows.items() if key.startswith("branding.")}
    newest_first = objects.newest(store.bucket, f"{store.prefix}{FOLDER}uploads/")
    for key in newest_first[KEPT:]:
        if key not in in_force:
            objects.hide(store.bucket, key)
