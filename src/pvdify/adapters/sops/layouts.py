"""Readers of the file formats of SOPS. Each returns the documents of named values, and the part named ``sops``."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.tree import Branch, Node
from pvdify.adapters.sops.yaml_layout import read_documents
from pvdify.manifest.bounds import Bounds
from pvdify.model.foreign_json import check_marks, short_int

SOPS = "sops"
_LIST_ITEM = re.compile(r"(?P<list>.+?)__list_(?P<index>[0-9]{1,4})__map_(?P<name>.+)")
_BOUNDS = Bounds(values=20_000, levels=50, characters=1024 * 1024)
_TRIPLE = '"""'


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A parsed file, its values still encrypted. ``branches``: one mapping for each document."""

    branches: tuple[Branch, ...]
    metadata: object


def read_layout(text: str, kind: str) -> Layout:
    """Parse a file. ``kind``: yaml, json, dotenv, ini or binary. Raises SopsRefused if the text is not of this kind."""
    return READERS[kind](text)


def _read_yaml(text: str) -> Layout:
    documents = read_documents(text)
    if not documents:
        raise SopsRefused("the file is empty")
    return Layout(branches=tuple(map(_without_metadata, documents)), metadata=documents[0].get(SOPS))


def _read_json(text: str) -> Layout:
    try:
        check_marks(text)
        document = json.loads(text, object_pairs_hook=unique, parse_int=short_int)
        _BOUNDS.check_content(document)
    except (ValueError, RecursionError) as error:
        raise SopsRefused(f"it is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise SopsRefused("it is no JSON object")
    return Layout(branches=(_without_metadata(document),), metadata=document.get(SOPS))


def _read_dotenv(text: str) -> Layout:
    pairs: list[tuple[str, Node]] = []
    for line in text.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator:
            raise SopsRefused(f"it is no dotenv file: a line is not NAME=VALUE ({line[:12]}…)")
        pairs.append((name, value.replace("\\n", "\n")))
    values: dict[str, Node] = unique(pairs)
    flat = {name.removeprefix("sops_"): str(value) for name, value in values.items() if name.startswith("sops_")}
    kept = {name: value for name, value in values.items() if not name.startswith("sops_")}
    return Layout(branches=(kept,), metadata=_unflattened(flat) if flat else None)


def _read_ini(text: str) -> Layout:
    section = "DEFAULT"  # SOPS puts this section into every file
    sections: dict[str, list[tuple[str, Node]]] = {section: []}
    lines = iter(text.splitlines())
    for line in lines:
        bare = line.strip()
        if not bare or bare[0] in ";#":
            continue
        if bare.startswith("[") and bare.endswith("]"):
            section = bare[1:-1]
            sections.setdefault(section, [])
            continue
        name, separator, value = (part.strip() for part in line.partition("="))
        if not separator:
            raise SopsRefused(f"it is no INI file: a line is not NAME = VALUE ({bare[:12]}…)")
        if value.startswith(_TRIPLE):
            value = _until_closed(value, lines)
        sections.setdefault(section, []).append((name, value.removeprefix(_TRIPLE).removesuffix(_TRIPLE)))
    document: dict[str, Node] = {name: unique(pairs) for name, pairs in sections.items()}
    metadata = document.get(SOPS)
    flat = {name: str(value).replace("\\n", "\n") for name, value in metadata.items()} if isinstance(
        metadata, Mapping) else None  # fmt: skip
    return Layout(branches=(_without_metadata(document),), metadata=_unflattened(flat) if flat else None)


def _until_closed(first: str, lines: Iterator[str]) -> str:
    """Return a value in triple quotes, up to the line that closes them, which is taken from ``lines``."""
    parts = [first]
    if len(first) < 2 * len(_TRIPLE) or not first.endswith(_TRIPLE):
        for line in lines:
            parts.append(line)
            if line.endswith(_TRIPLE):
                break
        else:
            parts.append(_TRIPLE)
    return "\n".join(parts)


def unique(pairs: list[tuple[str, Node]]) -> dict[str, Node]:
    """Return the pairs as a mapping. Raises SopsRefused for a duplicate name."""
    found: dict[str, Node] = {}
    for name, value in pairs:
        if name in found:
            raise SopsRefused(f"{name} is in it twice")
        found[name] = value
    return found


def _unflattened(flat: Mapping[str, str]) -> dict[str, object]:
    """Return the metadata with names like ``age__list_0__map_enc``, in any order, turned into lists of mappings."""
    plain: dict[str, object] = {}
    lists: dict[str, dict[int, dict[str, str]]] = {}
    for name, value in flat.items():
        match = _LIST_ITEM.fullmatch(name)
        if match is None:
            plain[name] = value
        else:
            lists.setdefault(match["list"], {}).setdefault(int(match["index"]), {})[match["name"]] = value
    return plain | {name: [items[index] for index in sorted(items)] for name, items in lists.items()}


def _without_metadata(document: Branch) -> Branch:
    return {name: value for name, value in document.items() if name != SOPS}


READERS: Mapping[str, Callable[[str], Layout]] = {
    "yaml": _read_yaml,
    "json": _read_json,
    "dotenv": _read_dotenv,
    "ini": _read_ini,
    "binary": _read_json,
}
