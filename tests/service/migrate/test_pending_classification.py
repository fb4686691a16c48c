"""`tenantry clone check` beside revisions that nobody has rolled out yet."""

from __future__ import annotations

import pytest
import yaml

from tenantry import naming
from tenantry.errors import InputError
from tenantry.operations.clone import work

pytestmark = pytest.mark.service


@pytest.fixture
def classified(trees, tmp_path):
    """Holds the classification, with these tables changed in it, against the tables: what is wrong, and whether a revision is pending."""

    def check(**tables) -> tuple[list[str], bool]:
        content = yaml.safe_load((trees.root / "classification.yaml").read_text())
        for table, columns in tables.items():
            content["tenant"].setdefault(table, {}).update(columns)
        file = tmp_path / "classification.yaml"
        file.write_text(yaml.safe_dump(content))
        found = work.check(file)
        return [problem.split(": ", 1)[1] for problem in found.problems], found.pending

    return check


def test_a_column_is_classified_before_it_is_rolled_out(fleet, trees, classified):
    """A new table and a new column of a pending revision are asked for; named, they are no mistake; and nothing is left of the looking."""
    fleet.shared()
    assert classified() == ([], False)
    trees.add(
        "ALTER TABLE users ADD COLUMN phone text;"
        "CREATE TABLE notes (tenant_id uuid NOT NULL, id bigint NOT NULL, body text, PRIMARY KEY (tenant_id, id));"
    )
    problems, pending = classified()
    assert pending
    assert [problem.split(" (")[0] for problem in problems] == [
        "the table notes is not classified",
        "the column users.phone is not classified",
    ]
    assert classified(users={"phone": "null"}, notes={"id": "keep", "body": "scramble"}) == ([], True)
    with fleet.connect() as connection:
        scratch = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE '%scratch%'").fetchone()
        assert scratch == (0,)
        assert connection.execute("SELECT to_regclass('shared.notes')").fetchone() == (None,)


def test_a_line_for_a_column_that_goes_is_told_before_it_has_gone(fleet, trees, classified):
    """The pull request that drops a column takes its line away."""
    fleet.shared()
    trees.add("ALTER TABLE user_settings DROP COLUMN setting_value;")
    problems, pending = classified()
    assert (pending, len(problems)) == (True, 1)
    assert problems[0].startswith("there is no column user_settings.setting_value")


def test_a_cell_that_was_never_migrated_is_checked_too(fleet, classified):
    """On a platform's first day."""
    with fleet.server.connect(naming.cell_database("main")) as connection:
        assert connection.execute("SELECT to_regclass('shared.users')").fetchone() == (None,)
    assert classified() == ([], True)


def test_a_revision_that_cannot_be_applied_is_named(fleet, trees, classified):
    """As wrong input: the next roll-out would fail with it."""
    fleet.shared()
    trees.add("ALTER TABLE users ADD COLUMN name text;")
    with pytest.raises(InputError, match='cannot be applied to empty tables: column "name" of relation "users" already exists'):
        classified()
