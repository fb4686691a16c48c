"""Imports single modules of the official provider SDKs without the packages around them.

Pulumi's generated packages import all they have: ``pulumi_cloudflare`` costs 2.5 s and 165 MB on every run, ``pulumi_aws.s3`` and
``iam`` 0.4 s, nearly all of it type declarations of nested values. Here a module is imported alone, with those declarations replaced
by ``dict``: nested values go in and come out as plain dictionaries, their keys as on the wire (``sseAlgorithm``, not
``sse_algorithm``). The classes themselves are the official ones. Where a package is loaded already, that one is used.
"""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from itertools import accumulate
from types import ModuleType
from typing import Any


class _Declarations(ModuleType):
    """Stands for ``_inputs``, ``outputs`` or ``_enums``: any nested type is a dictionary."""

    __all__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return dict


def official(package: str, module: str) -> Any:
    """The module ``package.module``, for example ``pulumi_aws.s3`` and ``bucket``."""
    for name in accumulate(package.split("."), "{}.{}".format):
        if name not in sys.modules:
            _register_bare(name)
    found = import_module(f"{package}.{module}")
    # The SDK resolves a constructor's annotations by name; those that the declarations would have brought are dictionaries, too.
    for name in set(re.findall(r"'([A-Z]\w+)'", inspect.getsource(found))):
        found.__dict__.setdefault(name, dict)
    return found


def _register_bare(package: str) -> None:
    """Registers a package under its name without running its ``__init__``."""
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(f"{package} is not installed")
    bare = module_from_spec(ModuleSpec(package, None, is_package=True))
    bare.__path__ = list(spec.submodule_search_locations)
    sys.modules[package] = bare
    for declarations in ("_inputs", "outputs", "_enums"):
        sys.modules[f"{package}.{declarations}"] = _Declarations(f"{package}.{declarations}")
