"""Configuration of a tenant at runtime: each value, where it comes from, and its changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tenantry.declaration.assets import MAX_BYTES
from tenantry.operations import configure, pictures
from tenantry.operations.callers import Caller
from tenantry.operations.configure import Setting
from tenantry.operations.tenants import Tenant
from tenantry.web import edits
from tenantry.web.callers import having, seen
from tenantry.web.problems import responses

router = APIRouter(prefix="/v1/tenants/{slug}/configuration", tags=["configuration"])

Key = Annotated[str, Path(max_length=100, examples=["theme.primary"])]


class Value(BaseModel):
    """A key's value in force. `source`: `declaration`, `runtime` or `default`; `declared` is what the applied file says."""

    key: str
    value: Any
    source: str
    declared: Any
    editor: str
    runtime: bool
    updated_at: datetime | None
    updated_by: str | None


class NewValue(BaseModel):
    """A value."""

    model_config = ConfigDict(extra="forbid")

    value: str | bool | int


class ConfigurationChange(BaseModel):
    """One change; a value that is null: none was set. `run_id`: the run that made it, where it was one of many."""

    config_key: str
    old_value: Any
    old_source: str | None
    new_value: Any
    source: str
    changed_at: datetime
    changed_by: str
    run_id: UUID | None


class Which(BaseModel):
    """Which changes."""

    model_config = ConfigDict(extra="forbid")

    key: str | None = Field(None, max_length=100)
    limit: int = Field(100, ge=1, le=1000)


@dataclass(frozen=True)
class Edit:
    """A change of one of the tenant's values: who asks for it, and the ETag of the value that he has seen."""

    tenant: Tenant
    who: Caller
    match: str | None

    def require(self, key: str) -> None:
        """Refuses a change of what is another value by now."""
        wanted = edits.required(self.match)
        (setting,) = configure.settings(self.tenant.slug, key, portal=self.who.portal)
        if wanted not in ("*", _tag(setting)):
            raise edits.outdated()


def _edit(
    tenant: Annotated[Tenant, Depends(seen("configuration:write"))],
    who: Annotated[Caller, Depends(having("configuration:write"))],
    match: edits.IfMatch = None,
) -> Edit:
    return Edit(tenant, who, match)


Editing = Annotated[Edit, Depends(_edit)]


@router.get("", responses=responses())
def every(
    tenant: Annotated[Tenant, Depends(seen("configuration:read"))], who: Annotated[Caller, Depends(having("configuration:read"))]
) -> list[Value]:
    """Every key's value."""
    return [_value(setting) for setting in configure.settings(tenant.slug, portal=who.portal)]


@router.get("/history", responses=responses())
def history(
    tenant: Annotated[Tenant, Depends(seen("configuration:read"))],
    who: Annotated[Caller, Depends(having("configuration:read"))],
    which: Annotated[Which, Query()],
) -> list[ConfigurationChange]:
    """What was changed, the newest first. What a run changed, `POST /v1/configuration/bulk/RUN/undo` takes back."""
    found = configure.history(tenant.slug, which.key, which.limit, portal=who.portal)
    return [ConfigurationChange.model_validate(each, from_attributes=True) for each in found]


@router.get("/{key}", responses=responses())
def one(
    key: Key,
    tenant: Annotated[Tenant, Depends(seen("configuration:read"))],
    who: Annotated[Caller, Depends(having("configuration:read"))],
    response: Response,
) -> Value:
    """One key's value, with an ETag for whoever changes it."""
    (setting,) = configure.settings(tenant.slug, key, portal=who.portal)
    response.headers["ETag"] = _tag(setting)
    return _value(setting)


@router.put("/{key}", responses=responses(412, 428))
def put(key: Key, body: NewValue, response: Response, edit: Editing) -> Value:
    """Sets a value at runtime."""
    edit.require(key)
    configure.put(edit.tenant.slug, key, body.value, editor=edit.who.editor, actor=edit.who.actor(), portal=edit.who.portal)
    return one(key, edit.tenant, edit.who, response)


@router.put("/{key}/picture", responses=responses(412, 428))
def upload(
    key: Literal["branding.logo", "branding.favicon"],
    data: Annotated[bytes, Body(media_type="application/octet-stream", max_length=MAX_BYTES, description="SVG, PNG or ICO")],
    response: Response,
    edit: Editing,
) -> Value:
    """Uploads a picture, which is in force at once. What it is says its content; what is published is written anew from it."""
    edit.require(key)
    use: pictures.Use = "logo" if key == "branding.logo" else "favicon"
    pictures.upload(edit.tenant.slug, use, data, editor=edit.who.editor, actor=edit.who.actor(), portal=edit.who.portal)
    return one(key, edit.tenant, edit.who, response)


@router.delete("/{key}", responses=responses(412, 428))
def take_back(key: Key, response: Response, edit: Editing) -> Value:
    """Takes a value that was set at runtime back: what the file says, or the default, is in force again."""
    edit.require(key)
    configure.take_back(edit.tenant.slug, key, editor=edit.who.editor, actor=edit.who.actor(), portal=edit.who.portal)
    return one(key, edit.tenant, edit.who, response)


def _value(setting: Setting) -> Value:
    return Value.model_validate(setting, from_attributes=True)


def _tag(setting: Setting) -> str:
    told = json.dumps([setting.value, setting.source, str(setting.updated_at)], sort_keys=True)
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'
