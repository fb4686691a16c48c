"""The declaration of tenants: names, model, loader. Nothing here knows Pulumi or writes anything but a new file.

The names below are imported on first use: ``from tenantry.declaration import naming`` does not pay for the model.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenantry.declaration.loader import Declarations, load, load_one
    from tenantry.declaration.model import TenantDeclaration
    from tenantry.problems import DeclarationErrors, Problem

__all__ = ["DeclarationErrors", "Declarations", "Problem", "TenantDeclaration", "load", "load_one"]

_HOMES = {
    "DeclarationErrors": "tenantry.problems",
    "Declarations": "tenantry.declaration.loader",
    "Problem": "tenantry.problems",
    "TenantDeclaration": "tenantry.declaration.model",
    "load": "tenantry.declaration.loader",
    "load_one": "tenantry.declaration.loader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
