"""Holds the classification against the tables: what nobody classified, or what would break the clone, is a problem and blocks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tenantry.operations.clone.catalog import Catalog, Column, ForeignKey
from tenantry.operations.clone.classification import Classification, ClassificationErrors, Treatment
from tenantry.operations.clone.dictionaries import MADE
from tenantry.operations.clone.expressions import HASHED, INTEGERS, JSON, SHIFTED, SUFFIX, TEXT, UNIQUE_LENGTH, Planned, family
from tenantry.postgres.reference_tables import SECTION
from tenantry.problems import Problem, nearest

HINT = "say in the classification what may cross (docs/cloning.md), then run tenantry clone check; nothing was touched"


@dataclass(frozen=True)
class Plan:
    """What is copied: the columns that are written, by table. Tables whose rows do not cross are not in it."""

    tables: Mapping[str, tuple[Planned, ...]]

    @property
    def words(self) -> frozenset[str]:
        """The dictionaries that it needs."""
        fakes = {planned.treatment.fake for columns in self.tables.values() for planned in columns}
        return frozenset(name for name in fakes if name in MADE)

    def fits(self, catalog: Catalog) -> bool:
        """Whether the planned tables have the planned columns."""
        return all(
            name in catalog.tables
            and [planned.column for planned in columns]
            == [column for column in catalog.tables[name].columns.values() if not column.generated]
            for name, columns in self.tables.items()
        )


def make(catalog: Catalog, classification: Classification) -> Plan:
    """The plan; ``ClassificationErrors`` names everything that blocks it."""
    problems = examine(catalog, classification)
    if problems:
        raise ClassificationErrors(problems, HINT)
    unique = _unique(catalog)
    tables = {}
    for name, table in catalog.tables.items():
        treatments = classification.tenant[name] if table.tenant_scoped else None
        if treatments is not None:
            key = tuple(table.columns[column] for column in sorted(table.key))
            tables[name] = tuple(
                Planned(column, treatments.get(column.name, _KEEP), column.name in unique[name], key)
                for column in table.columns.values()
                if not column.generated
            )
    return Plan(tables)


_KEEP = Treatment("keep")


def examine(catalog: Catalog, classification: Classification, control: frozenset[str] = frozenset()) -> list[Problem]:
    """Every problem, unclassified columns first. ``control``: the registry's tables that have a tenant_id."""
    missing: list[Problem] = []
    for unknown in sorted(control - classification.control):
        missing.append(classification.problem(("control",), f"the registry's table {unknown} is not classified", "write drop"))
    wrong: list[Problem] = []
    unique = _unique(catalog)
    for name, table in catalog.tables.items():
        if name in classification.reference:
            if table.tenant_scoped:
                wrong.append(_listed(classification, f"{name} has a tenant_id: its rows are the tenants' own", "list it under tenant"))
            continue  # the clone's own has the rows that the revisions wrote
        if name not in classification.tenant:
            hint = "every column, or drop" if table.tenant_scoped else _GIVE
            message = "is not classified" if table.tenant_scoped else "has no tenant_id: its rows are nobody's"
            missing.append(classification.problem(("tenant",), f"the table {name} {message}", hint))
            continue
        treatments = classification.tenant[name]
        if not table.tenant_scoped:
            wrong.append(classification.problem(("tenant", name), f"{name} has no tenant_id: its rows are nobody's", _GIVE))
        if treatments is None:
            continue
        for column in table.columns.values():
            if column.name not in treatments and column.name != "tenant_id" and not column.generated:
                missing.append(classification.problem(("tenant", name), f"the column {name}.{column.name} is not classified", column.type))
        for column_name, treatment in treatments.items():
            path = ("tenant", name, column_name)
            known = table.columns.get(column_name)
            if known is None:
                hint = nearest(column_name, table.columns)
                wrong.append(classification.problem(path, f"there is no column {name}.{column_name}", hint))
            elif column_name == "tenant_id" or known.generated:
                wrong.append(classification.problem(path, f"{name}.{column_name} is computed, not classified", "remove the line"))
            elif reason := _unfit(known, treatment, column_name in unique[name]):
                wrong.append(classification.problem(path, f"{name}.{column_name} ({known.type}): {reason[0]}", reason[1]))
    for name in classification.tenant.keys() - catalog.tables.keys():
        wrong.append(classification.problem(("tenant", name), f"there is no table {name}", nearest(name, catalog.tables)))
    for name in classification.reference - catalog.tables.keys():
        wrong.append(_listed(classification, f"there is no table {name}", nearest(name, catalog.tables)))
    wrong += [problem for key in catalog.foreign_keys for problem in _reference(key, catalog, classification)]
    return missing + wrong


_GIVE = "give it a tenant_id, or list it under reference"


def _listed(classification: Classification, message: str, hint: str) -> Problem:
    return classification.problem((SECTION,), message, hint)


def _unique(catalog: Catalog) -> dict[str, set[str]]:
    """By table, the columns whose values must stay different; a column that points at such a one is treated as it is."""
    unique = {name: set(table.unique) for name, table in catalog.tables.items()}
    changed = True
    while changed:
        changed = False
        for key in catalog.foreign_keys:
            if key.table not in unique or key.target not in unique or not catalog.tables[key.target].tenant_scoped:
                continue
            for column, target in zip(key.columns, key.target_columns, strict=True):
                # Both ways: `a` unique and pointing at `b` means that b's values are replaced like a's.
                if (column in unique[key.table]) != (target in unique[key.target]):
                    unique[key.table].add(column)
                    unique[key.target].add(target)
                    changed = True
    return unique


def _unfit(column: Column, treatment: Treatment, unique: bool) -> tuple[str, str] | None:
    """Why the treatment cannot be had for the column, and what to write instead; None: it can."""
    type_ = family(column)
    match treatment.kind:
        case "keep":
            return ("points at a large object, which does not cross", "write null") if type_ == "oid" or type_.endswith("lo") else None
        case "null":
            return ("may not be null", "write another treatment, or drop for the table") if column.not_null else None
        case "hash" if type_ not in HASHED:
            return f"{type_} cannot be hashed", "write null or keep"
        case "fake" | "format" if type_ not in TEXT:
            return f"{treatment} makes text", "write null or keep"
        case "scramble" if type_ not in TEXT | JSON:
            return f"{type_} cannot be scrambled", "write null, hash or keep"
        case "shift" if type_ not in SHIFTED:
            return f"{type_} is no date", "write null or keep"
    if (treatment.keys or treatment.kept) and type_ not in JSON:
        return "only JSON has keys", "write scramble"
    if not unique:
        return None
    if treatment.kind in ("scramble", "format") or treatment.fake == "phone":
        return f"must stay unique, and {treatment} does not see to that", "write hash or fake email"
    if treatment.kind == "hash" and type_ in ("integer", "smallint"):
        return f"must stay unique, and {INTEGERS[type_]:,} values are too few for a hash", "write keep"
    needed = UNIQUE_LENGTH.get(treatment.fake or "", SUFFIX if treatment.kind == "fake" else 16 if treatment.kind == "hash" else 0)
    if column.length is not None and column.length < needed:
        return f"must stay unique, and {treatment} needs {needed} characters for that", "write keep, or make the column longer"
    return None


def _reference(key: ForeignKey, catalog: Catalog, classification: Classification) -> Iterator[Problem]:
    """What would break the reference: a target whose rows do not cross, or two columns that are not replaced alike."""
    mine, others = classification.tenant.get(key.table), classification.tenant.get(key.target)
    if mine is not None and key.target in catalog.tables and not catalog.tables[key.target].tenant_scoped:
        for column in key.columns:
            if column in mine and mine[column].kind not in ("keep", "null"):
                message = f"{key.table}.{column} ({mine[column]}) points at {key.target}, whose rows are the same for everybody"
                yield classification.problem(("tenant", key.table, column), message, "write keep or null")
        return
    if mine is None or key.target not in classification.tenant:
        return
    if any(mine[column].kind == "null" for column in key.columns if column in mine):
        return
    for column, target in zip(key.columns, key.target_columns, strict=True):
        path = ("tenant", key.table, column)
        if others is None:
            yield classification.problem(path, f"{key.table}.{column} points at {key.target}, whose rows do not cross", "write null")
        elif column in mine and target in others and mine[column] != others[target]:
            message = f"{key.table}.{column} ({mine[column]}) points at {key.target}.{target} ({others[target]})"
            yield classification.problem(path, message, "write the same for both")


def differences(source: Catalog, target: Catalog, plan: Plan) -> list[str]:
    """Columns that one of two stores lacks or has with another type: they are not of the same migration."""
    found = []
    for name in plan.tables:
        mine, others = source.tables[name].columns, target.tables[name].columns if name in target.tables else {}
        found += [f"{name}.{column}" for column in sorted(mine.keys() | others.keys()) if not _alike(mine.get(column), others.get(column))]
    return found


def _alike(one: Column | None, other: Column | None) -> bool:
    return one is not None and other is not None and (one.type, one.generated) == (other.type, other.generated)
