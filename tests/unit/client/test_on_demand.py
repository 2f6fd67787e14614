"""Every lazily imported name exists."""

import inspect
from importlib import import_module
from types import ModuleType

import pytest

from pvdify.client.api import Client
from pvdify.client.calls.asking import Asking
from pvdify.client.calls.on_demand import CALLS
from pvdify.client.endpoint import parse_url
from pvdify.client.session import Session
from pvdify.client.target import Target
from pvdify.wire import answers, requests


@pytest.mark.parametrize("package", [answers, requests])
def test_every_exported_type_is_importable(package: ModuleType) -> None:
    found = {name: getattr(package, name) for name in package.__all__}

    assert all(getattr(it, "__module__", "typing").startswith((package.__name__, "typing")) for it in found.values())
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        package.Nothing  # noqa: B018


def test_every_call_of_every_group_is_a_method_of_the_client() -> None:
    client = Client(Session(Target(endpoint=parse_url("http://127.0.0.1:1"))))

    for module, (kind, names) in CALLS.items():
        group = getattr(import_module(f"pvdify.client.calls.{module}"), kind)
        own = {name for name, it in vars(group).items() if inspect.isfunction(it) and not name.startswith("_")}
        assert issubclass(group, Asking)
        assert own == set(names.split())
        assert all(callable(getattr(client, name)) for name in own)
    with pytest.raises(AttributeError):
        client.nothing  # noqa: B018


def test_call_names_are_unique_over_all_groups() -> None:
    names = [name for _, group in CALLS.values() for name in group.split()]

    assert len(names) == len(set(names))
