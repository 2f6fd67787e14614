"""Conversion of the server's problem documents into errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pvdify.errors import (
    ConflictError,
    DeniedError,
    FailedError,
    InternalError,
    InvalidError,
    NotFoundError,
    NotSignedIn,
    PvdifyError,
    UnavailableError,
    by_code,
)

if TYPE_CHECKING:
    from pvdify.wire.answers import Failure

_BY_STATUS: dict[int, type[PvdifyError]] = {
    400: InvalidError,
    401: NotSignedIn,
    403: DeniedError,
    404: NotFoundError,
    405: InvalidError,
    409: ConflictError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
    429: UnavailableError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def from_problem(status: int, problem: dict[str, Any]) -> PvdifyError:
    """Return the error that a problem+json document describes."""
    kind = _error_class(_text(problem, "code"), _BY_STATUS.get(status, _by_hundred(status)))
    facts = {key: problem[key] for key in ("problems", "request_id") if problem.get(key)}
    what = _text(problem, "detail") or _text(problem, "title") or f"the server answered {status}"
    return kind(what, why=_text(problem, "why"), next=_text(problem, "next"), details=facts)


def from_failure(failure: Failure) -> PvdifyError:
    """Return the error that is stored with a release."""
    kind = _error_class(failure.code, FailedError)
    return kind(failure.what, why=failure.why, next=failure.next)


def _error_class(code: str, otherwise: type[PvdifyError]) -> type[PvdifyError]:
    known = by_code().get(code)
    if known is not None or not code:
        return known or otherwise
    # A newer server may send a code unknown here: keep the code, and derive the class from the status.
    return type(otherwise.__name__, (otherwise,), {"code": code})


def _by_hundred(status: int) -> type[PvdifyError]:
    return InvalidError if status < 500 else InternalError


def _text(problem: dict[str, Any], key: str) -> str:
    value = problem.get(key)
    return value if isinstance(value, str) else ""
