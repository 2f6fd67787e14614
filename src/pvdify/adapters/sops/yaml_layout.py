"""YAML as SOPS reads and writes it. SOPS resolves plain scalars in another way than PyYAML."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import yaml

from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.scalars import Scalar
from pvdify.adapters.sops.tree import Branch
from pvdify.manifest.bounds import BeyondBounds, Bounds

_BOUNDS = Bounds(values=20_000, levels=50, characters=1024 * 1024)
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = frozenset("+-.0123456789")  # first characters of numbers and times
_INT = re.compile(r"[+-]?(?P<digits>0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(r"[+-]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ODD_FLOAT = re.compile(r"(?P<sign>[+-]?)(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN")
_TIME = re.compile(r"\d{4}-\d\d?-\d\d?([Tt ]+\d\d?:\d\d:\d\d(\.\d+)?[ ]?(Z|[+-]\d\d?(:\d\d)?)?)?")


def read_documents(text: str) -> list[Branch]:
    """Return every document. Raises SopsRefused; also for aliases, merge keys and tags, which SOPS files do not need.

    Builds the documents from parser events in one pass: composing nodes first takes twice as long.
    """
    try:
        return [_branch(document) for document in _documents(text)]
    except BeyondBounds as error:
        is_alias = "alias" in str(error)
        raise SopsRefused("it uses YAML aliases" if is_alias else f"it is too large: {error}") from error
    except yaml.YAMLError as error:
        raise SopsRefused(f"it is no YAML: {' '.join(str(error).split())[:200]}") from error


def write_document(values: Mapping[str, object]) -> str:
    """Return the text of one document, in this order; values of several lines become literal blocks."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**30, indent=4)


class _Mapping(dict[str, Any]):
    """A mapping that is being read. ``name``: the key whose value has not been read yet."""

    name: str | None = None


def _documents(text: str) -> Iterator[Any]:
    """Yield the root node of each document."""
    root: list[Any] = []
    open_nodes: list[Any] = [root]
    for event in _BOUNDS.events(text, yaml.CBaseLoader):
        kind = type(event)
        if kind is yaml.ScalarEvent:
            _add(open_nodes[-1], event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            node: Any = _Mapping() if kind is yaml.MappingStartEvent else []
            _add(open_nodes[-1], node)
            open_nodes.append(node)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            open_nodes.pop()
        elif kind is yaml.DocumentEndEvent:
            yield root.pop()


def _add(parent: Any, node: Any) -> None:
    """Add a scalar, a mapping or a list to its parent; a scalar can be a key. Raises SopsRefused."""
    is_scalar = type(node) is yaml.ScalarEvent
    if type(parent) is list:
        parent.append(_scalar(node) if is_scalar else node)
    elif parent.name is not None:
        parent[parent.name], parent.name = _scalar(node) if is_scalar else node, None
    elif not is_scalar or node.value == "<<":
        raise SopsRefused("it has a key that is no plain name")
    elif node.value in parent:
        raise SopsRefused(f"{node.value} is in it twice")
    else:
        parent.name = node.value


def _branch(document: Any) -> Branch:
    if not isinstance(document, Mapping):
        raise SopsRefused("it has a document that is no mapping of names to values")
    return document


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    text: str = event.value
    if not event.style and text in _WORDS:
        return _WORDS[text]
    return text if event.style or text[0] not in _NUMERIC else _number(text)


def _number(text: str) -> Scalar:
    """Return a number or a time as SOPS types it; return any other text unchanged."""
    if match := _INT.fullmatch(text):
        return _integer(text, match["digits"])
    if match := _ODD_FLOAT.fullmatch(text):
        return float((match["sign"] or "") + text.lstrip("+-.").lower())
    if _FLOAT.fullmatch(text):
        return float(text)
    return _time(text) if _TIME.fullmatch(text) else text


def _integer(text: str, digits: str) -> int:
    bare = digits.replace("_", "")
    is_old_octal = len(bare) > 1 and bare[0] == "0" and bare.isdigit()
    try:
        is_octal = is_old_octal and set(bare) <= set("01234567")
        number = int(bare, 8) if is_octal else int(bare, 10 if bare.isdigit() else 0)
    except ValueError as error:
        raise SopsRefused("it has a number that SOPS does not write") from error
    return -number if text.startswith("-") else number


def _time(text: str) -> str:
    """Return a time as RFC 3339, the form that SOPS's MAC covers; return an invalid time unchanged."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    shown = moment.isoformat()
    return shown.replace("+00:00", "Z") if moment.tzinfo else f"{shown}Z"


class _Dumper(yaml.CSafeDumper):
    """A dumper that writes text of several lines as a literal block."""


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)
