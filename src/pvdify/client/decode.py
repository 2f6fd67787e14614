"""Decoding of JSON values into the wire's dataclasses, by their annotations.

Unknown keys are ignored and optional keys may be missing, so that older clients work with newer servers and the other
way round.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pvdify.wire.moment import parse_moment

T = TypeVar("T")


class Mismatch(Exception):
    """A JSON value has another shape than expected; the message names the place."""


def decode(kind: type[T], value: object) -> T:
    """Return the value as a ``kind``. Raises Mismatch."""
    decoded: T = _decode(kind, value, kind.__name__)
    return decoded


def _decode(kind: Any, value: object, path: str) -> Any:
    if kind is Any:
        return value
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _decode_union(get_args(kind), value, path)
    if origin is list:
        return [_decode(get_args(kind)[0], item, f"{path}[]") for item in _expect(list, value, path)]
    if origin is dict:
        pairs = _expect(dict, value, path).items()
        return {key: _decode(get_args(kind)[1], item, f"{path}.{key}") for key, item in pairs}
    if is_dataclass(kind):
        return _decode_dataclass(kind, _expect(dict, value, path), path)
    return _decode_scalar(kind, value, path)


def _decode_union(arms: tuple[Any, ...], value: object, path: str) -> Any:
    if value is None and NoneType in arms:
        return None
    present = [arm for arm in arms if arm is not NoneType]
    if len(present) == 1:
        return _decode(present[0], value, path)
    for arm in present:
        try:
            return _decode(arm, value, path)
        except Mismatch:
            continue
    raise Mismatch(f"{path} is {_describe(value)}")


def _decode_dataclass(kind: Any, value: Mapping[str, object], path: str) -> Any:
    hints = _hints(kind)
    return kind(
        **{
            each.name: _decode(hints[each.name], value.get(each.name), f"{path}.{each.name}")
            for each in fields(kind)
            if each.name in value or _is_required(each)
        }
    )


def _decode_scalar(kind: Any, value: object, path: str) -> Any:
    if kind is datetime:
        return _moment(_expect(str, value, path), path)
    if kind is float and type(value) is int:
        return float(value)
    # isinstance accepts a bool as an int
    if type(value) is not kind:
        raise Mismatch(f"{path} is {_describe(value)}")
    return value


def _moment(text: str, path: str) -> datetime:
    try:
        moment = parse_moment(text)
    except ValueError as error:
        raise Mismatch(f"{path} is not a date with a time") from error
    if moment.tzinfo is None:
        raise Mismatch(f"{path} has no time zone")
    return moment


def _expect(kind: type[T], value: object, path: str) -> T:
    if not isinstance(value, kind):
        raise Mismatch(f"{path} is {_describe(value)}")
    return value


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _describe(value: object) -> str:
    return "missing" if isinstance(value, NoneType) else f"a {type(value).__name__}"
