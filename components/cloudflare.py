"""pulumi-cloudflare's classes without its 12 MB of nested type declarations, which cost 2.5 s and 165 MB on every run.

The package's ``__init__`` imports every module it has, and each module imports the declarations of all. Here the modules we use
are imported alone, with the declarations replaced by ``dict``: nested values go in and come out as plain dictionaries, their keys
as on the wire. Where the whole package is loaded already, that one is used.
"""

from __future__ import annotations

import inspect
import re
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any


class _Declarations(ModuleType):
    """Stands for ``_inputs`` or ``outputs``: any nested type is a dictionary."""

    __all__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return dict


def _bare_package(name: str) -> None:
    """Registers the package under its name without running its ``__init__``."""
    spec = find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(f"{name} is not installed")
    package = module_from_spec(ModuleSpec(name, None, is_package=True))
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = package
    for declarations in ("_inputs", "outputs"):
        sys.modules[f"{name}.{declarations}"] = _Declarations(f"{name}.{declarations}")


def _name_declarations(module: ModuleType) -> None:
    """The SDK resolves a constructor's annotations by name; those that the declarations would have brought are dictionaries, too."""
    for name in set(re.findall(r"\b[A-Z]\w+Args(?:Dict)?\b", inspect.getsource(module))):
        module.__dict__.setdefault(name, dict)


if "pulumi_cloudflare" not in sys.modules:
    _bare_package("pulumi_cloudflare")

from pulumi_cloudflare import custom_hostname, custom_hostname_fallback_origin, dns_record  # noqa: E402

for _module in (custom_hostname, custom_hostname_fallback_origin, dns_record):
    _name_declarations(_module)

CustomHostname = custom_hostname.CustomHostname
CustomHostnameFallbackOrigin = custom_hostname_fallback_origin.CustomHostnameFallbackOrigin
DnsRecord = dns_record.DnsRecord

__all__ = ["CustomHostname", "CustomHostnameFallbackOrigin", "DnsRecord"]
