"""The reference tables: without a tenant_id, the same rows for every tenant, written by revisions. A reviewed file names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tenantry.declaration.yaml_source import YamlFaults, parse, read_bytes
from tenantry.errors import InputError
from tenantry.settings import migrations_dir

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "classification.yaml"
SECTION: Final = "reference"


def declared(file: Path | None = None) -> frozenset[str]:
    """Their names, as ``file`` has them, else the file beside the migrations; none where there is no such file.

    ``InputError`` for a file that cannot be read, or says it otherwise than as a list of names.
    """
    file = file or migrations_dir() / FILE
    if not file.is_file():
        return frozenset()
    try:
        content, _ = parse(read_bytes(file))
    except YamlFaults as faults:
        first = faults.faults[0]
        raise InputError(f"{file.name}:{first.line}:{first.column}: {first.message}", first.hint, code="classification.invalid") from None
    found = names(content.get(SECTION))
    if found is None:
        raise InputError(f"{file.name}: {SECTION} must be a list of names of tables", code="classification.invalid")
    return found


def names(given: Any) -> frozenset[str] | None:
    """What stands in the section; None where it is no list of names."""
    listed = [] if given is None else given
    if not isinstance(listed, list) or not all(isinstance(name, str) and name for name in listed):
        return None
    return frozenset(listed)
