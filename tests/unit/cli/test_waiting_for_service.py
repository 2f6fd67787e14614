"""Messages of a command that waits for a service."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO

import pytest

from pvdify.cli.commands.services import LogOptions, run_logs
from pvdify.cli.io import Io
from pvdify.cli.waiting_for_service import wait_for
from pvdify.client.events import StreamLost
from pvdify.errors import ServerUnreachable, ServiceFailed
from pvdify.wire.answers import Service

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Answers:
    """A client whose service goes through these states."""

    def __init__(self, *services: Service) -> None:
        self._services = list(services)

    def service(self, name: str) -> Service:
        return self._services.pop(0)

    def sleep(self, seconds: float) -> None:
        pass


def service(state: str, *, doing: str = "", failure: str = "", problem: str = "") -> Service:
    return Service(
        name="db", kind="postgres", image="docker.io/library/postgres:17", digest="", state=state, since=NOW,
        problem=problem, doing=doing, failure=failure, port=5432, volume="", url="", memory=0, links=[], variables=[],
        size=None, memory_used=None, owner="", created_at=NOW, created_by="ada", trashed_at=None, deleted_at=None,
    )  # fmt: skip


def wait(*services: Service) -> Service:
    io = Io(stdin=StringIO(), stdout=StringIO(), stderr=StringIO())
    return wait_for("db", Answers(*services), io)  # type: ignore[arg-type]


def test_a_service_is_waited_for_until_its_operation_ends():
    ended = wait(service("upgrading", doing="upgrade"), service("live", doing="upgrade"), service("live"))

    assert (ended.state, ended.doing) == ("live", "")


def test_a_failed_upgrade_names_the_whole_image_and_its_cause():
    failure = "it was not upgraded to docker.io/library/postgres:17.2: manifest unknown: no such tag"

    with pytest.raises(ServiceFailed) as raised:
        wait(service("live", failure=failure))

    assert raised.value.what == "db: it was not upgraded to docker.io/library/postgres:17.2"
    assert raised.value.why == "manifest unknown: no such tag"
    assert raised.value.next.endswith("it is live, with docker.io/library/postgres:17")


def test_a_service_that_is_down_reports_the_reason():
    with pytest.raises(ServiceFailed) as raised:
        wait(service("down", problem="exited with code 1"))

    assert raised.value.why == "exited with code 1"


class Logs:
    """A client of a service that has written two lines, and writes one more before the server is lost."""

    def service_lines(self, name: str, lines: int) -> list[str]:
        return ["one", "two"]

    def follow_service(self, name: str) -> Iterator[str]:
        yield "three"
        raise StreamLost("refused")


def test_followed_logs_are_one_object_a_line_and_end_as_unreachable() -> None:
    io = Io(stdin=StringIO(), stdout=StringIO(), stderr=StringIO())
    options = LogOptions(name="db", lines=2, is_following=True, as_json=True)

    with pytest.raises(ServerUnreachable, match="db: the log stream was lost"):
        run_logs(options, Logs(), io)  # type: ignore[arg-type]

    assert [json.loads(line) for line in io.stdout.getvalue().splitlines()] == [  # type: ignore[attr-defined]
        {"line": "one"}, {"line": "two"}, {"line": "three"},
    ]  # fmt: skip
