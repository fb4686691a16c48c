"""Serves our dynamic resource types as Pulumi's own `pulumi.dynamic` does, except that it knows them and nothing else.

Pulumi keeps the provider of a dynamic resource in the state, as a pickle, and its own process loads whatever stands there: whoever can
write to the state backend would have their code run here, with the administrator's credentials.
"""

from __future__ import annotations

import io
import pickle
import runpy
from typing import Final

import dill
from pulumi.dynamic import ResourceProvider

from components.resources.configuration_rows import ConfigurationRowsProvider
from components.resources.login import LoginProvider
from components.resources.record import TenantRecordProvider
from components.resources.server_record import ServerRecordProvider
from components.resources.signed_tenant import SignedTenantProvider
from components.resources.store import StoreProvider
from components.resources.template import TemplateProvider
from tenantry import preload
from tenantry.clients.parent import Parent

PROVIDERS: Final = (
    ConfigurationRowsProvider,
    LoginProvider,
    ServerRecordProvider,
    SignedTenantProvider,
    StoreProvider,
    TemplateProvider,
    TenantRecordProvider,
)
"""A new dynamic resource type is served once it is named here."""

_KNOWN: Final = {(provider.__module__, provider.__qualname__): provider for provider in PROVIDERS}


def load(data: bytes) -> ResourceProvider:
    """The provider that a state's pickle names. ``UnpicklingError`` for everything else; nothing of it is imported or called."""
    found: ResourceProvider = _Providers(io.BytesIO(data)).load()
    if type(found) not in PROVIDERS or vars(found):
        raise _refused(type(found).__qualname__)
    return found


HINT: Final = (
    "somebody else has written to this state. Nothing of it was run; compare it with its history or its .bak before you go on, and see who "
    "can write to the state backend"
)


class _Providers(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[ResourceProvider]:
        if (module, name) not in _KNOWN:
            raise _refused(f"{module}.{name}")
        return _KNOWN[module, name]


def _refused(name: str) -> pickle.UnpicklingError:
    # The name comes from whoever has written to the state, and goes to a terminal.
    return pickle.UnpicklingError(f"the state names {name[:100]!a} as the provider of a resource, not one of Tenantry's: {HINT}")


def main() -> None:
    """Serves until the engine ends this process or is no more."""
    Parent().die_with()
    preload.stores()
    dill.loads = load
    runpy.run_module("pulumi.dynamic", run_name="__main__")


if __name__ == "__main__":
    main()
