"""Notifications to systemd, on a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.daemon.service_manager import READY, STOPPING, ServiceManager


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_readiness_is_reported_to_systemd(listener: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": listener.getsockname()})

    manager.notify(READY)

    assert listener.recv(100) == b"READY=1"


def test_an_abstract_socket_is_reached_too() -> None:
    name = f"pvdify-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)

        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).notify(STOPPING)

        assert listener.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_a_missing_notify_socket_is_no_error(address: str) -> None:
    ServiceManager({"NOTIFY_SOCKET": address}).notify(READY)


@pytest.mark.parametrize(
    ("allowed", "watched", "pause"),
    [("120000000", str(os.getpid()), 60.0), ("120000000", "1", None), ("", "", None), ("0", str(os.getpid()), None)],
    ids=["watched", "another process is watched", "nothing is watched", "no time is given"],
)
def test_watchdog_notifications_are_sent_at_half_the_interval(allowed: str, watched: str, pause: float | None) -> None:
    assert ServiceManager({"WATCHDOG_USEC": allowed, "WATCHDOG_PID": watched}).pause == pause


async def test_without_a_watchdog_no_notification_is_sent(listener: socket.socket) -> None:
    listener.setblocking(False)

    await ServiceManager({"NOTIFY_SOCKET": listener.getsockname()}).keep_calm()

    with pytest.raises(BlockingIOError):
        listener.recv(100)


def test_started_programs_get_no_notify_socket() -> None:
    environment = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}

    ServiceManager(environment)

    assert environment == {"PATH": "/bin"}
