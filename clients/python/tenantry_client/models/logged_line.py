from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.logged_line_kind import LoggedLineKind, check_logged_line_kind

T = TypeVar("T", bound="LoggedLine")


@_attrs_define
class LoggedLine:
    """One thing that somebody did, or read. `credential`, `address`, `request_id` and `reads` (how many alike within a
    moment) are of
    reads; an address is told to whoever sees every tenant, and of oneself.

        Attributes:
            at (datetime.datetime):
            kind (LoggedLineKind):
            who (str):
            credential (None | str):
            address (None | str):
            tenant (None | str):
            tenant_id (None | UUID):
            action (str):
            detail (str):
            run_id (None | UUID):
            request_id (None | UUID):
            reads (int | None):
    """

    at: datetime.datetime
    kind: LoggedLineKind
    who: str
    credential: None | str
    address: None | str
    tenant: None | str
    tenant_id: None | UUID
    action: str
    detail: str
    run_id: None | UUID
    request_id: None | UUID
    reads: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        kind: str = self.kind

        who = self.who

        credential: None | str
        credential = self.credential

        address: None | str
        address = self.address

        tenant: None | str
        tenant = self.tenant

        tenant_id: None | str
        if isinstance(self.tenant_id, UUID):
            tenant_id = str(self.tenant_id)
        else:
            tenant_id = self.tenant_id

        action = self.action

        detail = self.detail

        run_id: None | str
        if isinstance(self.run_id, UUID):
            run_id = str(self.run_id)
        else:
            run_id = self.run_id

        request_id: None | str
        if isinstance(self.request_id, UUID):
            request_id = str(self.request_id)
        else:
            request_id = self.request_id

        reads: int | None
        reads = self.reads

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "kind": kind,
                "who": who,
                "credential": credential,
                "address": address,
                "tenant": tenant,
                "tenant_id": tenant_id,
                "action": action,
                "detail": detail,
                "run_id": run_id,
                "request_id": request_id,
                "reads": reads,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        kind = check_logged_line_kind(d.pop("kind"))

        who = d.pop("who")

        def _parse_credential(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        credential = _parse_credential(d.pop("credential"))

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        def _parse_tenant(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        tenant = _parse_tenant(d.pop("tenant"))

        def _parse_tenant_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                tenant_id_type_0 = UUID(data)

                return tenant_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        tenant_id = _parse_tenant_id(d.pop("tenant_id"))

        action = d.pop("action")

        detail = d.pop("detail")

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

        def _parse_request_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                request_id_type_0 = UUID(data)

                return request_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        request_id = _parse_request_id(d.pop("request_id"))

        def _parse_reads(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        reads = _parse_reads(d.pop("reads"))

        logged_line = cls(
            at=at,
            kind=kind,
            who=who,
            credential=credential,
            address=address,
            tenant=tenant,
            tenant_id=tenant_id,
            action=action,
            detail=detail,
            run_id=run_id,
            request_id=request_id,
            reads=reads,
        )

        logged_line.additional_properties = d
        return logged_line

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
