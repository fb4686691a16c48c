"""What migrations and modules of tasks import is where it is promised, and for one release where it was."""

from __future__ import annotations

from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("public", "earlier", "names"),
    [
        ("tenantry.migration", "tenantry.clients.migrations", ("run_sql_beside",)),
        ("tenantry.task", "tenantry.operations.tasks.task", ("Context", "Task")),
    ],
)
def test_public_names_stand_where_they_are_promised(public: str, earlier: str, names: tuple[str, ...]) -> None:
    home, before = import_module(public), import_module(earlier)
    assert tuple(home.__all__) == tuple(before.__all__) == names
    for name in names:
        assert getattr(home, name) is getattr(before, name)
