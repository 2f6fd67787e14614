"""The base class of all errors, and its branches."""

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import ClassVar


class Kind(Enum):
    """The branch of an error, which maps to an HTTP status or an exit code."""

    INVALID = "invalid"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    INTERNAL = "internal"


class PvdifyError(Exception):
    """The base of all errors that reach a user.

    Args:
        what: What happened, beginning with what the user requested; names the app, release and limit.
        why: The cause, as far as it is known.
        next: What to do now: an existing command, and what still works.
        details: More facts for machines (JSON values, already free of secrets).
    """

    code: ClassVar[str] = "internal"
    kind: ClassVar[Kind] = Kind.INTERNAL

    def __init__(
        self, what: str, *, why: str = "", next: str = "", details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next = next
        self.details = dict(details or {})

    def render(self) -> str:
        """Return the error as text for people: code, what, why and next, one per line."""
        lines = [f"error: {self.code}", f"  {self.what}"]
        problems = self.details.get("problems")
        if isinstance(problems, list):
            lines += [f"  - {problem}" for problem in problems]
        if self.why:
            lines.append(f"  why:  {self.why}")
        if self.next:
            lines.append(f"  next: {self.next}")
        return "\n".join(lines)


class InvalidError(PvdifyError):
    """The request cannot be carried out as written; nothing was changed."""

    code = "invalid-request"
    kind = Kind.INVALID


class NotFoundError(PvdifyError):
    """The named thing does not exist."""

    code = "not-found"
    kind = Kind.NOT_FOUND


class ConflictError(PvdifyError):
    """The request is valid, but the present state does not allow it."""

    code = "conflict"
    kind = Kind.CONFLICT


class DeniedError(PvdifyError):
    """The client is not allowed to do this."""

    code = "not-allowed"
    kind = Kind.DENIED


class UnavailableError(PvdifyError):
    """An outside system does not answer."""

    code = "unavailable"
    kind = Kind.UNAVAILABLE


class FailedError(PvdifyError):
    """The work was tried and failed."""

    code = "failed"
    kind = Kind.FAILED


class InternalError(PvdifyError):
    """A fault of pvdify itself; its log has the details under the reference."""

    code = "internal"
    kind = Kind.INTERNAL


@cache
def by_code() -> dict[str, type[PvdifyError]]:
    """Return the class of every error by its code."""
    return {kind.code: kind for kind in all_errors()}


def all_errors() -> tuple[type[PvdifyError], ...]:
    """Return the class of every error, each branch before its errors, without classes that a client creates."""
    return tuple(kind for kind in _descendants(PvdifyError) if kind.__module__.startswith(f"{__package__}."))


def _descendants(kind: type[PvdifyError]) -> Iterator[type[PvdifyError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)
