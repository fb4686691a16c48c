"""What operations hand out of a whole row has all of its columns, in the table's order: `--json` prints them so."""

from __future__ import annotations

from dataclasses import fields

import pytest

from tenantry.control.database import transaction
from tenantry.operations.cron import TaskRun
from tenantry.operations.move.history import MoveEntry
from tenantry.operations.runs import RunEntry, StepEntry
from tenantry.operations.status import TenantEntry
from tenantry.operations.usage import UsageEntry
from tests.service import control_database

pytestmark = pytest.mark.service


@pytest.mark.parametrize(
    ("table", "entry"),
    [
        ("runs", RunEntry),
        ("run_steps", StepEntry),
        ("task_runs", TaskRun),
        ("tenant_usage", UsageEntry),
        ("moves", MoveEntry),
        ("tenants", TenantEntry),
    ],
)
def test_an_entry_has_every_column(in_cloud, table, entry):
    control_database.make()
    with transaction() as connection:
        rows = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum", [table]
        )
        columns = [row["attname"] for row in rows]
    assert [field.name for field in fields(entry) if field.name in columns] == columns
