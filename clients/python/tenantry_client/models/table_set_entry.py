from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TableSetEntry")


@_attrs_define
class TableSetEntry:
    """One set of tables that a roll-out is about. ``server`` None: the platform's; ``problem``: why it cannot be reached.

    Attributes:
        tenants (list[str]):
        isolation (str):
        cell (str):
        server (None | str):
        database (str):
        schema (str):
        ring (None | str):
        revision (None | str):
        problem (None | str):
    """

    tenants: list[str]
    isolation: str
    cell: str
    server: None | str
    database: str
    schema: str
    ring: None | str
    revision: None | str
    problem: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        tenants = self.tenants

        isolation = self.isolation

        cell = self.cell

        server: None | str
        server = self.server

        database = self.database

        schema = self.schema

        ring: None | str
        ring = self.ring

        revision: None | str
        revision = self.revision

        problem: None | str
        problem = self.problem

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "tenants": tenants,
                "isolation": isolation,
                "cell": cell,
                "server": server,
                "database": database,
                "schema": schema,
                "ring": ring,
                "revision": revision,
                "problem": problem,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        tenants = cast(list[str], d.pop("tenants"))

        isolation = d.pop("isolation")

        cell = d.pop("cell")

        def _parse_server(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        server = _parse_server(d.pop("server"))

        database = d.pop("database")

        schema = d.pop("schema")

        def _parse_ring(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        ring = _parse_ring(d.pop("ring"))

        def _parse_revision(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        revision = _parse_revision(d.pop("revision"))

        def _parse_problem(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        problem = _parse_problem(d.pop("problem"))

        table_set_entry = cls(
            tenants=tenants,
            isolation=isolation,
            cell=cell,
            server=server,
            database=database,
            schema=schema,
            ring=ring,
            revision=revision,
            problem=problem,
        )

        table_set_entry.additional_properties = d
        return table_set_entry

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
