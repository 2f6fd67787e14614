import pytest

from pvdify import errors
from pvdify.client.problems import from_failure, from_problem
from pvdify.errors import Kind, PvdifyError
from pvdify.wire.answers import Failure


@pytest.mark.parametrize("kind", errors.all_errors())
def test_every_pvdify_error_is_raised_as_its_own_class(kind: type[PvdifyError]) -> None:
    error = from_problem(500, {"code": kind.code, "detail": "what", "why": "why", "next": "next"})

    assert type(error) is kind
    assert (error.what, error.why, error.next) == ("what", "why", "next")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.INVALID), (401, Kind.DENIED), (403, Kind.DENIED), (404, Kind.NOT_FOUND), (409, Kind.CONFLICT),
        (418, Kind.INVALID), (422, Kind.INVALID), (429, Kind.UNAVAILABLE), (500, Kind.INTERNAL),
        (503, Kind.UNAVAILABLE),
    ],
)  # fmt: skip
def test_a_code_of_a_newer_server_is_kept_and_its_kind_taken_from_the_status(status: int, kind: Kind) -> None:
    error = from_problem(status, {"code": "moon-is-full", "detail": "what"})

    assert (error.code, error.kind) == ("moon-is-full", kind)


def test_all_problems_and_the_request_id_are_kept() -> None:
    error = from_problem(422, {"code": "invalid-manifest", "detail": "x", "problems": ["a", "b"], "request_id": "r1"})

    assert error.details == {"problems": ["a", "b"], "request_id": "r1"}
    assert error.render() == "error: invalid-manifest\n  x\n  - a\n  - b"


def test_an_empty_problem_has_a_message() -> None:
    assert from_problem(500, {"code": "", "detail": None}).what == "the server answered 500"


def test_the_failure_of_a_release_is_an_error_like_any_other() -> None:
    error = from_failure(Failure(code="probe-failed", what="what", why="why", next="next"))

    assert (type(error), error.next) == (errors.ProbeFailed, "next")
    assert from_failure(Failure(code="new-one", what="", why="", next="")).kind is Kind.FAILED
