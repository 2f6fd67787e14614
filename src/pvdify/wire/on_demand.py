"""Packages that export names of their modules, and import a module when one of its names is used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(package: str, exports: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package. ``exports``: names separated by spaces, by the module that has them.

    A command needs one or two of these modules, and making all their dataclasses takes longer than its request.
    """
    modules = {name: module for module, names in exports.items() for name in names.split()}

    def find(name: str) -> Any:
        module = modules.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{module}"), name)

    return find
