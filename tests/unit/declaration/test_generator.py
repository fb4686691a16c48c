"""A new tenant's file: valid, in a cell with room, whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenantry.declaration import load
from tenantry.declaration.capacity import CELL_CAPACITY
from tenantry.declaration.generator import NewTenant, cell_with_room, create
from tenantry.declaration.model import TenantDeclaration
from tenantry.errors import InputError
from tenantry.settings import PlatformSettings

from .conftest import PLAIN


def pooled(cell: str, number: int, state: str = "active") -> dict[str, TenantDeclaration]:
    one = TenantDeclaration.model_validate(
        {
            "slug": "sample",
            "name": "S",
            "tier": "starter",
            "cell": cell,
            "state": state,
            "admin": {"name": "A", "email": "a@a.example"},
            "branding": {"app_name": "S"},
        }
    )
    return {f"{cell}-{state}-{index}": one for index in range(number)}


def test_a_new_tenant_is_valid_at_once(folder: Path, settings: PlatformSettings) -> None:
    """What is written loads, and says its cell and isolation itself."""
    path = create(folder, NewTenant("globex", "business"), settings)
    tenant = load(folder, settings)["globex"]
    assert path == folder / "globex.yaml"
    assert (tenant.name, tenant.tier, tenant.isolation, tenant.cell) == ("Globex", "business", "schema", "main")
    assert "isolation: schema\ncell: main" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_file_is_never_replaced(folder: Path, settings: PlatformSettings) -> None:
    """Not even a broken one."""
    (folder / "globex.yaml").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        create(folder, NewTenant("globex", "business"), settings)
    assert (folder / "globex.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    "new",
    [
        NewTenant("Globex", "starter"),
        NewTenant("www", "starter"),
        NewTenant("acrne", "starter"),
        NewTenant("../globex", "starter"),
        NewTenant("globex", "startr"),
        NewTenant("globex", "../starter"),
        NewTenant("globex", "starter", isolation="rows"),
        NewTenant("globex", "starter", cell="EU"),
        NewTenant("globex", "starter", email="nobody"),
        NewTenant("globex", "starter", name="a\nb: c"),
        NewTenant("globex", "starter", name="\u202e"),
    ],
)
def test_a_wrong_argument_writes_nothing(folder: Path, settings: PlatformSettings, new: NewTenant) -> None:
    """Every check a file has to pass is made before it exists."""
    (folder / "acme.yaml").write_text(PLAIN)
    before = sorted(folder.rglob("*"))
    with pytest.raises(InputError):
        create(folder, new, settings)
    assert sorted(folder.rglob("*")) == before


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_name_is_kept_or_refused(folder: Path, settings: PlatformSettings, name: str) -> None:
    """Whatever YAML would make of it (no, 1e3, # x, a: b), a name that is accepted is read back as it was given."""
    import unicodedata

    (folder / "globex.yaml").unlink(missing_ok=True)
    try:
        create(folder, NewTenant("globex", "starter", name=name), settings)
    except InputError:
        return
    assert load(folder, settings)["globex"].name == unicodedata.normalize("NFC", name)


def test_cells_are_filled_in_order() -> None:
    """main first, then by name, then a new one; dedicated and deleted tenants take no room."""
    assert cell_with_room({}) == "main"
    assert cell_with_room(pooled("main", CELL_CAPACITY - 1)) == "main"
    full = pooled("main", CELL_CAPACITY)
    assert cell_with_room(full) == "c2"
    assert cell_with_room({**full, **pooled("eu2", 3), **pooled("eu1", 3)}) == "eu1"
    assert cell_with_room({**full, **pooled("c2", CELL_CAPACITY)}) == "c3"
    assert cell_with_room(pooled("main", CELL_CAPACITY, "deleted")) == "main"
