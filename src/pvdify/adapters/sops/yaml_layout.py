"""YAML as SOPS reads and writes it, which resolves plain scalars otherwise than PyYAML does."""

import re
from collections.abc import Mapping
from datetime import datetime

import yaml

from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.scalars import Scalar
from pvdify.adapters.sops.tree import Branch, Node

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[+-]?(?P<digits>0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(r"[+-]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ODD_FLOAT = re.compile(r"(?P<sign>[+-]?)(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN")
_TIME = re.compile(r"\d{4}-\d\d?-\d\d?([Tt ]+\d\d?:\d\d:\d\d(\.\d+)?[ ]?(Z|[+-]\d\d?(:\d\d)?)?)?")


def read_documents(text: str) -> list[Branch]:
    """Every document. Raises SopsRefused, also for aliases, merge keys and tags, which SOPS files do not need."""
    try:
        roots = list(yaml.compose_all(text, Loader=yaml.CBaseLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise SopsRefused(f"it is no YAML: {' '.join(str(error).split())[:200]}") from error
    return [_document(root) for root in roots]


def write_document(values: Mapping[str, object]) -> str:
    """The text of one document, in this order; text of several lines as a block."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**30, indent=4)


def _document(root: yaml.Node) -> Branch:
    node = _node(root, set())
    if not isinstance(node, Mapping):
        raise SopsRefused("it has a document that is no mapping of names to values")
    return node


def _node(node: yaml.Node, seen: set[int]) -> Node:
    if id(node) in seen:
        raise SopsRefused("it uses YAML aliases")
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_node(item, seen) for item in node.value]
    found: dict[str, Node] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            raise SopsRefused("it has a key that is no plain name")
        if key.value in found:
            raise SopsRefused(f"{key.value} is in it twice")
        found[key.value] = _node(value, seen)
    return found


def _scalar(node: yaml.ScalarNode) -> Scalar:
    text: str = node.value
    if node.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
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
    number = int(bare, 8) if is_old_octal and set(bare) <= set("01234567") else int(bare, 10 if bare.isdigit() else 0)
    return -number if text.startswith("-") else number


def _time(text: str) -> str:
    """As RFC 3339, which is how SOPS has it in the MAC; text that only looks like a time stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    shown = moment.isoformat()
    return shown.replace("+00:00", "Z") if moment.tzinfo else f"{shown}Z"


class _Dumper(yaml.CSafeDumper):
    """Text of several lines as a literal block."""


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)
