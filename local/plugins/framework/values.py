"""Between the wire's values and plain Python: secrets, unknowns, assets, whole numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import struct_pb2

# The protocol's own signatures (sdk/go/common/resource/sig and plugin/rpc.go).
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_SENTINELS: Final = frozenset(
    {
        UNKNOWN_STRING,  # string, and what is sent for any type
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Unknown:
    """A value that is known only after the apply. There is one, ``UNKNOWN``."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        return True


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Asset:
    """A file's content as the program gave it: text, or a path. Two are equal when their content is."""

    text: str | None = None
    path: str | None = None
    hash: str = ""

    def read(self) -> bytes:
        """The content; OSError when the file cannot be read."""
        return Path(self.path).read_bytes() if self.path else (self.text or "").encode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """The SHA-256 of the content, in hex: the engine's own where it sent one."""
        return self.hash or hashlib.sha256(self.read()).hexdigest()


def decode(struct: struct_pb2.Struct) -> tuple[dict[str, Any], frozenset[str]]:
    """The properties of a message, and the names of those that are, or hold, a secret."""
    secrets: set[str] = set()
    properties: dict[str, Any] = {}
    for name, value in struct.fields.items():
        found: list[bool] = []
        properties[name] = _plain(value, found)
        if found:
            secrets.add(name)
    return properties, frozenset(secrets)


def encode(properties: Mapping[str, Any], secrets: Iterable[str] = ()) -> struct_pb2.Struct:
    """A message of the properties without the absent ones, the named ones marked as secrets."""
    hidden = frozenset(secrets)
    struct = struct_pb2.Struct()
    for name, value in properties.items():
        if value is None:
            continue
        target = struct.fields[name]
        if name in hidden:
            wrapper = target.struct_value
            wrapper.fields[SIGNATURE].string_value = SECRET_SIGNATURE
            target = wrapper.fields["value"]
        _wire(value, target)
    return struct


def has_unknowns(value: Any) -> bool:
    """Whether anything in the value is known only later."""
    if isinstance(value, Mapping):
        return any(has_unknowns(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknowns(item) for item in value)
    return value is UNKNOWN


def _plain(value: struct_pb2.Value, secrets: list[bool]) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_SENTINELS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_plain(item, secrets) for item in value.list_value.values]
    if kind == "struct_value":
        return _object(value.struct_value.fields, secrets)
    return None


def _object(fields: Mapping[str, struct_pb2.Value], secrets: list[bool]) -> Any:
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if signature == SECRET_SIGNATURE:
        secrets.append(True)
        return _plain(fields["value"], secrets)
    if signature == OUTPUT_SIGNATURE:
        if "secret" in fields and fields["secret"].bool_value:
            secrets.append(True)
        return _plain(fields["value"], secrets) if "value" in fields else UNKNOWN
    if signature == ASSET_SIGNATURE:
        parts = {name: fields[name].string_value for name in ("text", "path", "hash") if name in fields}
        return Asset(**parts)
    return {name: _plain(item, secrets) for name, item in fields.items()}


def _wire(value: Any, target: struct_pb2.Value) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, Asset):
        fields = target.struct_value.fields
        fields[SIGNATURE].string_value = ASSET_SIGNATURE
        for name, part in (("text", value.text), ("path", value.path), ("hash", value.digest)):
            if part is not None:
                fields[name].string_value = part
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for name, item in value.items():
            _wire(item, target.struct_value.fields[str(name)])
    else:
        target.list_value.SetInParent()
        for item in value:
            _wire(item, target.list_value.values.add())
