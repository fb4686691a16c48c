"""The classification file and how it is held against tables, without a database."""

from __future__ import annotations

import pytest

from tenantry.operations.clone import classification, plan
from tenantry.operations.clone.catalog import Catalog, Column, ForeignKey, Table
from tenantry.operations.clone.classification import ClassificationErrors


def column(name: str, type_: str = "text", **more) -> Column:
    given = {"array": False, "length": None, "not_null": True, "generated": False, "identity": False, "portable": True}
    return Column(name, type_, type_, "b", **{**given, **more})


def table(name: str, *columns: Column, unique: tuple[str, ...] = ()) -> Table:
    every = [column("tenant_id", "uuid"), *columns]
    return Table(name, {one.name: one for one in every}, frozenset(unique), frozenset(unique))


def catalog(*tables: Table, keys: tuple[ForeignKey, ...] = ()) -> Catalog:
    return Catalog({one.name: one for one in tables}, keys)


@pytest.fixture
def problems(tmp_path):
    """What is wrong with a classification of the given text over the given tables: messages, without their place."""

    def work(text: str, tables: Catalog, control: frozenset[str] = frozenset()) -> list[str]:
        file = tmp_path / "classification.yaml"
        file.write_text(text)
        return [problem.message for problem in plan.examine(tables, classification.read(file), control)]

    return work


def test_the_projects_own_file_is_valid():
    """What is committed can be read."""
    content = classification.read()
    assert set(content.tenant) >= {"users", "user_settings", "documents"}
    assert "invitations" in content.control


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tenant: {users: {name: fake nmae}}", "1:18: users.name: there is no treatment 'fake nmae' (did you mean 'fake name'?)"),
        ("tenant: {users: keep}", "1:10: users must be `drop` or a mapping of its columns"),
        ("tenant: {users: {a: keep, a: keep}}", "1:27: the key 'a' appears twice"),
        ("tenants: {}", "1:1: there is no section 'tenants' (did you mean 'tenant'?)"),
        ("control: {users: keep}", "1:11: users: rows of the registry never cross"),
        ("objects: [branding/]", "1:11: branding never crosses"),
        ("tenant: {users: {a: {scramble: {key: [b]}}}}", "1:18: users.a: not a treatment"),
        ("tenant: {users: {a: {shift: {keys: [b]}}}}", "1:18: users.a: not a treatment"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, text, message):
    """File, line and column, and the nearest word that there is."""
    file = tmp_path / "classification.yaml"
    file.write_text(text)
    with pytest.raises(ClassificationErrors) as caught:
        classification.read(file)
    assert message in caught.value.message
    assert caught.value.exit_code == 2


def test_a_missing_file_is_refused(tmp_path):
    """A folder or nothing at all is no classification."""
    with pytest.raises(ClassificationErrors, match="is not a regular file"):
        classification.read(tmp_path / "nothing.yaml")


def test_whatever_nobody_classified_is_named(problems):
    """Columns, tables and tables of the registry; generated columns and tenant_id need no word."""
    tables = catalog(table("users", column("id", "uuid"), column("email"), column("upper", generated=True)), table("notes", column("text")))
    found = problems("tenant: {users: {id: hash}}\ncontrol: {users: drop}", tables, frozenset({"users", "outbox"}))
    assert found == [
        "the registry's table outbox is not classified",
        "the column users.email is not classified",
        "the table notes is not classified",
    ]


def test_a_word_for_what_is_not_there_is_named(problems):
    """A renamed column must not keep a line that says nothing."""
    found = problems("tenant: {users: {mail: fake email}, gone: drop}", catalog(table("users", column("email"))))
    assert sorted(found) == ["the column users.email is not classified", "there is no column users.mail", "there is no table gone"]


@pytest.mark.parametrize(
    ("given", "treatment", "reason"),
    [
        (column("a"), "null", "may not be null"),
        (column("a", "inet"), "hash", "inet cannot be hashed"),
        (column("a", "integer"), "fake name", "fake name makes text"),
        (column("a", "bytea"), "scramble", "bytea cannot be scrambled"),
        (column("a", "text"), "shift", "text is no date"),
        (column("a", "oid"), "keep", "points at a large object"),
        (column("a", "text"), "{scramble: {keys: [b]}}", "only JSON has keys"),
    ],
)
def test_a_treatment_that_the_type_does_not_take_is_refused(problems, given, treatment, reason):
    """Before anything is copied, with the column and its type."""
    found = problems(f"tenant: {{t: {{a: {treatment}}}}}", catalog(table("t", given)))
    assert len(found) == 1
    assert found[0].startswith(f"t.a ({given.type}): ")
    assert reason in found[0]


@pytest.mark.parametrize(
    ("given", "treatment", "fits"),
    [
        (column("a"), "scramble", False),
        (column("a"), "scramble format", False),
        (column("a"), "fake phone", False),
        (column("a"), "fake name", True),
        (column("a"), "fake email", True),
        (column("a"), "hash", True),
        (column("a"), "keep", True),
        (column("a", length=30), "fake email", False),
        (column("a", length=20), "fake name", True),
        (column("a", length=15), "hash", False),
        (column("a", "integer"), "hash", False),
        (column("a", "bigint"), "hash", True),
        (column("a", "date"), "shift", True),
    ],
)
def test_unique_columns_take_only_what_keeps_them_unique(problems, given, treatment, fits):
    """Two values that differ must differ in the clone: what cannot see to that is refused."""
    found = problems(f"tenant: {{t: {{a: {treatment}}}}}", catalog(table("t", given, unique=("a",))))
    assert (found == []) == fits
    assert all("must stay unique" in text for text in found)


@pytest.mark.parametrize(
    ("parent", "child", "fits"),
    [
        ("hash", "hash", True),
        ("keep", "keep", True),
        ("fake name", "fake name", True),
        ("hash", "keep", False),
        ("fake name", "fake first_name", False),
        ("hash", "null", True),
    ],
)
def test_both_ends_of_a_reference_are_replaced_alike(problems, parent, child, fits):
    """Otherwise the clone would break its foreign key; an empty reference is fine."""
    key = ForeignKey("fk", "child", ("p",), "parent", ("a",))
    tables = catalog(table("parent", column("a"), unique=("a",)), table("child", column("p", not_null=False)), keys=(key,))
    found = problems(f"tenant: {{parent: {{a: {parent}}}, child: {{p: {child}}}}}", tables)
    assert (found == []) == fits
    assert all("points at" in text for text in found)


def test_a_reference_to_rows_that_do_not_cross_is_refused(problems):
    """Unless the reference is emptied, or its table dropped as well."""
    key = ForeignKey("fk", "child", ("p",), "parent", ("a",))
    tables = catalog(table("parent", column("a"), unique=("a",)), table("child", column("p", not_null=False)), keys=(key,))
    assert problems("tenant: {parent: drop, child: {p: keep}}", tables) == ["child.p points at parent, whose rows do not cross"]
    assert problems("tenant: {parent: drop, child: {p: null}}", tables) == []
    assert problems("tenant: {parent: drop, child: drop}", tables) == []


def test_a_column_that_points_at_a_unique_one_is_replaced_as_it_is(tmp_path):
    """A name gets what keeps it unique on both ends, or the reference would point nowhere."""
    file = tmp_path / "classification.yaml"
    file.write_text("tenant: {parent: {a: fake name}, child: {p: fake name, q: fake name}}")
    key = ForeignKey("fk", "child", ("p",), "parent", ("a",))
    tables = catalog(table("parent", column("a"), unique=("a",)), table("child", column("p"), column("q")), keys=(key,))
    made = plan.make(tables, classification.read(file))
    unique = {(name, one.column.name): one.unique for name, columns in made.tables.items() for one in columns}
    assert unique[("parent", "a")]
    assert unique[("child", "p")]
    assert not unique[("child", "q")]


def test_rows_of_nobody_do_not_cross(problems):
    """A table without tenant_id cannot be told apart by tenant."""
    plain = Table("countries", {"name": column("name")}, frozenset(), frozenset())
    assert problems("tenant: {countries: {name: keep}}", catalog(plain)) == ["countries has no tenant_id: its rows are nobody's"]
    assert problems("tenant: {countries: drop}", catalog(plain)) == ["countries has no tenant_id: its rows are nobody's"]
    assert problems("tenant: {}", catalog(plain)) == ["the table countries has no tenant_id: its rows are nobody's"]


def test_a_reference_table_is_listed_and_nothing_of_it_is_classified(problems):
    """Its rows are a revision's: the clone has them from there. What is listed must be there, and be the same for everybody."""
    plain = Table("countries", {"name": column("name")}, frozenset(), frozenset())
    assert problems("reference: [countries]", catalog(plain)) == []
    assert problems("reference: [countrys]", catalog(plain)) == [
        "the table countries has no tenant_id: its rows are nobody's",
        "there is no table countrys",
    ]
    assert problems("reference: [users]", catalog(table("users", column("a")))) == ["users has a tenant_id: its rows are the tenants' own"]
    with pytest.raises(ClassificationErrors, match="users is a reference table, too: none of its rows is a tenant's"):
        problems("tenant: {users: {a: keep}}\nreference: [users]", catalog())
    with pytest.raises(ClassificationErrors, match="reference must be a list of names of tables"):
        problems("reference: countries", catalog())
