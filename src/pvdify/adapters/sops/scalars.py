"""Conversion between typed values and the bytes that SOPS encrypts and authenticates."""

import math
import re
from datetime import datetime
from decimal import Decimal

from pvdify.adapters.sops.refusal import SopsRefused

Scalar = str | bool | int | float | bytes | None
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_INT = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?Inf|NaN")
_BOOL = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}


class Comment(str):
    """A decrypted comment. A comment is not a value, and no MAC covers it."""

    __slots__ = ()


def to_bytes(value: Scalar) -> bytes:
    """Return the bytes that SOPS writes for the value: decimals without exponents, ``True``, text as UTF-8."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        return _float_text(value).encode()
    return b"" if value is None else str(value).encode()


def from_bytes(content: bytes, kind: str) -> Scalar:
    """Return the value of type ``kind``. Raises SopsRefused if the bytes do not fit, or SOPS has no such type."""
    if kind == "bytes":
        return content
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        if kind == "str":  # the content of a binary file
            return content
        raise SopsRefused(f"a value of type {kind} is not UTF-8") from error
    if kind == "str":
        return text
    if kind == "comment":
        return Comment(text)
    value = _parsed(text, kind)
    if value is None:
        raise SopsRefused(f"a value is of no type that SOPS writes, or not of its type {kind[:20]}")
    return value


def _parsed(text: str, kind: str) -> Scalar:
    if kind == "int" and _INT.fullmatch(text):
        return int(text)
    if kind == "float" and _FLOAT.fullmatch(text):
        return float(text)
    if kind == "bool":
        return _BOOL.get(text)
    if kind == "time" and TIME.fullmatch(text):
        datetime.fromisoformat(text)
        return text
    return None


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").removesuffix(".") if "." in text else text
