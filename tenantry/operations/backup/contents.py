"""What a backup holds beside the tenant's tables: its rows in the registry, and its objects by version."""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
from collections.abc import Iterator
from typing import Any, Final

from psycopg import sql

from tenantry.clients import objects
from tenantry.clients.archive import CHUNK
from tenantry.control.backup_manifest import StoredObject
from tenantry.control.database import transaction
from tenantry.stores.tenant_store import TenantStore

REGISTRY: Final = {
    "tenants": "id",
    "tenant_domains": "tenant_id",
    "tenant_configurations": "tenant_id",
    "tenant_configuration_history": "tenant_id",
    "users": "tenant_id",
    "user_settings": "tenant_id",
    "invitations": "tenant_id",
}
"""Tables of the control database, and the column that names the tenant; each after those it refers to."""
OMITTED: Final = "token_hash"
"""Never in a backup: an invitation that comes back from one needs a new link."""
METADATA: Final = ("ContentType", "ContentEncoding", "ContentDisposition", "ContentLanguage", "CacheControl", "Metadata")
_PAX: Final = "TENANTRY.metadata"


def registry_rows(store: TenantStore) -> dict[str, list[dict[str, Any]]]:
    """The tenant's rows of each table, as JSON values."""
    found = {}
    with transaction() as connection:
        for table, column in REGISTRY.items():
            query = sql.SQL("SELECT to_jsonb(t) - {} AS row FROM {} t WHERE {} = %s").format(
                sql.Literal(OMITTED), sql.Identifier(table), sql.Identifier(column)
            )
            found[table] = [entry["row"] for entry in connection.execute(query, [store.id])]
    return found


def registry_text(rows: dict[str, list[dict[str, Any]]]) -> bytes:
    """One JSON object per line: ``{"table": …, "row": {…}}``."""
    lines = [json.dumps({"table": table, "row": row}, ensure_ascii=False, sort_keys=True) for table, some in rows.items() for row in some]
    return "".join(f"{line}\n" for line in lines).encode()


def registry_from_text(text: bytes) -> dict[str, list[dict[str, Any]]]:
    """The inverse of ``registry_text``."""
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in REGISTRY}
    for line in text.splitlines():
        entry = json.loads(line)
        rows[entry["table"]].append(entry["row"])
    return rows


def objects_tar(store: TenantStore, stored: list[StoredObject]) -> Iterator[bytes]:
    """A tar of the current version of each of the tenant's objects; ``stored`` is filled while it is read.

    Each is asked for by the version that the listing showed, so one that is overwritten meanwhile is still the one listed.
    """
    for version in objects.current(store.bucket, store.prefix):
        answer = objects.opened(store.bucket, version.key, version.version_id)
        entry = tarfile.TarInfo(version.key.removeprefix(store.prefix))
        entry.size = version.size
        metadata = json.dumps({name: answer[name] for name in METADATA if answer.get(name)}, sort_keys=True)
        # Pax headers are text of any kind; base64 keeps what a user named a thing out of the format's way.
        entry.pax_headers = {_PAX: base64.b64encode(metadata.encode()).decode()}
        yield entry.tobuf(tarfile.PAX_FORMAT)
        digest = hashlib.sha256()
        for chunk in answer["Body"].iter_chunks(CHUNK):
            digest.update(chunk)
            yield chunk
        yield b"\0" * (-version.size % tarfile.BLOCKSIZE)
        stored.append(StoredObject(key=entry.name, version_id=version.version_id, size=version.size, sha256=digest.hexdigest()))
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def metadata_of(entry: tarfile.TarInfo) -> dict[str, Any]:
    """The object's metadata, as arguments of a put."""
    said: dict[str, Any] = json.loads(base64.b64decode(entry.pax_headers[_PAX]))
    return said
