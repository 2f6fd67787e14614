"""Convert model records to wire types with the same fields; field tables are built and checked at import."""

from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, Generic, TypeVar, get_type_hints

from pvdify.model.instance import Secret

ModelT = TypeVar("ModelT")
WireT = TypeVar("WireT")


class Copying(Generic[ModelT, WireT]):
    """Converts a record to its wire type. Copies fields of the same name: an enum as its value, a tuple as a list.

    Args:
        model: the type of the record.
        wire: the type that is sent.
        others: fields passed in each call, because the record lacks the field or has a different value.

    Raises TypeError for a field that neither the record nor ``others`` has, and for a secret field.
    """

    def __init__(self, model: type[ModelT], wire: type[WireT], *others: str) -> None:
        self._wire, self._others = wire, frozenset(others)
        wanted = fields(wire)  # type: ignore[arg-type]
        own = get_type_hints(model)
        self._copied = tuple(it.name for it in wanted if it.name not in others and _has(model, it.name, own))
        unknown = [it.name for it in wanted if it.default is it.default_factory is MISSING]
        unknown = [name for name in unknown if name not in (*others, *self._copied)]
        if unknown or self._others - {it.name for it in wanted}:
            raise TypeError(f"{model.__name__} -> {wire.__name__}: {', '.join(unknown or others)}")
        if secret := [name for name in self._copied if own.get(name) is Secret]:
            raise TypeError(f"{model.__name__} -> {wire.__name__}: {', '.join(secret)} is secret")

    def __call__(self, it: ModelT, /, **others: object) -> WireT:
        """Return the wire's form. Raises TypeError if ``others`` differ from those given at construction."""
        if others.keys() != self._others:
            raise TypeError(f"{self._wire.__name__} needs {', '.join(sorted(self._others))}")
        return self._wire(**{name: _value(getattr(it, name)) for name in self._copied}, **others)


def _has(model: type, name: str, own: dict[str, Any]) -> bool:
    return name in own or isinstance(getattr(model, name, None), property)


def _value(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value
