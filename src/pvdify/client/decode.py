"""Decoding of JSON values into the wire's dataclasses, by their annotations.

Unknown keys are ignored and optional keys may be missing, so that older clients work with newer servers and the other
way round. The annotations of a type are read once, because a list may have a thousand of its values.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pvdify.wire.moment import parse_moment

T = TypeVar("T")
Reader = Callable[[Any], Any]  # returns the decoded value, or raises Mismatch


class Mismatch(Exception):
    """A JSON value has another shape than expected; the message names the place."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{place} {problem}")
        self._problem, self._place = problem, place

    def within(self, outer: str) -> "Mismatch":
        """Return the mismatch with a longer place: it is in a part of the value at ``outer``."""
        return Mismatch(self._problem, outer + self._place)


def decode(kind: type[T], value: object) -> T:
    """Return the value as a ``kind``. Raises Mismatch."""
    hashable: Any = kind
    try:
        decoded: T = _reader(hashable)(value)
    except Mismatch as mismatch:
        raise mismatch.within(kind.__name__) from mismatch
    return decoded


@cache
def _reader(kind: Any) -> Reader:
    if kind is Any:
        return lambda value: value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _of_union([_reader(arm) for arm in arguments if arm is not NoneType], is_optional=NoneType in arguments)
    if origin is list:
        return _of_list(_reader(arguments[0]))
    if origin is dict:
        return _of_dict(_reader(arguments[1]))
    if is_dataclass(kind):
        return _of_dataclass(kind)
    return _moment if kind is datetime else _of_scalar(kind)


def _of_union(arms: Sequence[Reader], *, is_optional: bool) -> Reader:
    def read(value: object) -> Any:
        if value is None and is_optional:
            return None
        for arm in arms[:-1]:
            try:
                return arm(value)
            except Mismatch:
                continue
        return arms[-1](value)

    return read


def _of_list(item: Reader) -> Reader:
    def read(value: object) -> Any:
        items = _expect(list, value)
        try:
            return [item(each) for each in items]
        except Mismatch as mismatch:
            raise mismatch.within("[]") from mismatch

    return read


def _of_dict(item: Reader) -> Reader:
    def read(value: object) -> Any:
        decoded = {}
        for key, each in _expect(dict, value).items():
            try:
                decoded[key] = item(each)
            except Mismatch as mismatch:
                raise mismatch.within(f".{key}") from mismatch
        return decoded

    return read


def _of_dataclass(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    parts = [(each.name, _reader(hints[each.name]), _is_required(each)) for each in fields(kind)]

    def read(value: object) -> Any:
        found, decoded = _expect(dict, value), {}
        for name, part, is_required in parts:
            if name in found or is_required:
                try:
                    decoded[name] = part(found.get(name))
                except Mismatch as mismatch:
                    raise mismatch.within(f".{name}") from mismatch
        return kind(**decoded)

    return read


def _of_scalar(kind: Any) -> Reader:
    def read(value: object) -> Any:
        # isinstance accepts a bool as an int
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return float(value)
        raise Mismatch(f"is {_describe(value)}")

    return read


def _moment(value: object) -> datetime:
    try:
        moment = parse_moment(_expect(str, value))
    except ValueError as error:
        raise Mismatch("is not a date with a time") from error
    if moment.tzinfo is None:
        raise Mismatch("has no time zone")
    return moment


def _expect(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise Mismatch(f"is {_describe(value)}")
    return value


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _describe(value: object) -> str:
    return "missing" if isinstance(value, NoneType) else f"a {type(value).__name__}"
