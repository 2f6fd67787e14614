"""Reading of documents that are one flat mapping of names to texts, the form of all files that pvdify writes."""

from pvdify.adapters.sops.document import Opened
from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.scalars import to_bytes
from pvdify.adapters.sops.tree import Node


def texts_of(opened: Opened) -> dict[str, str]:
    """Return all values of a flat document as text. Raises SopsRefused if the document is not flat."""
    if len(opened.documents) != 1:
        raise SopsRefused("it has several YAML documents; a config is one")
    (only,) = opened.documents
    problems = [f"{name}: {_problem(node)}" for name, node in only.items() if _problem(node)]
    if problems:
        raise SopsRefused("; ".join(problems))
    return {name: _text(node) for name, node in only.items()}


def _problem(node: Node) -> str:
    if node is None:
        return "has no value"
    if isinstance(node, bytes):
        return "is binary; a config var is text"
    return "" if isinstance(node, str | int | float) else "is a list or a mapping; a config var is text"


def _text(node: Node) -> str:
    if isinstance(node, bool):
        return "true" if node else "false"
    return to_bytes(node).decode()  # type: ignore[arg-type]  # `_problem` accepts only scalars
