from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ConfigurationChange")


@_attrs_define
class ConfigurationChange:
    """One change; a value that is null: none was set. `run_id`: the run that made it, where it was one of many.

    Attributes:
        config_key (str):
        old_value (Any):
        old_source (None | str):
        new_value (Any):
        source (str):
        changed_at (datetime.datetime):
        changed_by (str):
        run_id (None | UUID):
    """

    config_key: str
    old_value: Any
    old_source: None | str
    new_value: Any
    source: str
    changed_at: datetime.datetime
    changed_by: str
    run_id: None | UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        config_key = self.config_key

        old_value = self.old_value

        old_source: None | str
        old_source = self.old_source

        new_value = self.new_value

        source = self.source

        changed_at = self.changed_at.isoformat()

        changed_by = self.changed_by

        run_id: None | str
        if isinstance(self.run_id, UUID):
            run_id = str(self.run_id)
        else:
            run_id = self.run_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "config_key": config_key,
                "old_value": old_value,
                "old_source": old_source,
                "new_value": new_value,
                "source": source,
                "changed_at": changed_at,
                "changed_by": changed_by,
                "run_id": run_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        config_key = d.pop("config_key")

        old_value = d.pop("old_value")

        def _parse_old_source(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        old_source = _parse_old_source(d.pop("old_source"))

        new_value = d.pop("new_value")

        source = d.pop("source")

        changed_at = datetime.datetime.fromisoformat(d.pop("changed_at"))

        changed_by = d.pop("changed_by")

        def _parse_run_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                run_id_type_0 = UUID(data)

                return run_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        run_id = _parse_run_id(d.pop("run_id"))

        configuration_change = cls(
            config_key=config_key,
            old_value=old_value,
            old_source=old_source,
            new_value=new_value,
            source=source,
            changed_at=changed_at,
            changed_by=changed_by,
            run_id=run_id,
        )

        configuration_change.additional_properties = d
        return configuration_change

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
