"""Messages of a command that waits for a service."""

from datetime import UTC, datetime
from io import StringIO

import pytest

from pvdify.cli.io import Io
from pvdify.cli.waiting_for_service import wait_for
from pvdify.errors import ServiceFailed
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
