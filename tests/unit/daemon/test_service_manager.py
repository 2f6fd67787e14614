"""What a service manager hears, on a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.daemon import service_manager


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listener


def test_it_is_told_when_we_are_ready(manager: socket.socket) -> None:
    service_manager.notify(service_manager.READY)

    assert manager.recv(100) == b"READY=1"


def test_an_abstract_socket_is_reached_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"pvdify-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)

        service_manager.notify(service_manager.STOPPING)

        assert listener.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_nobody_listening_is_no_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)

    service_manager.notify(service_manager.READY)


@pytest.mark.parametrize(
    ("allowed", "watched", "pause"),
    [("120000000", str(os.getpid()), 60.0), ("120000000", "1", None), ("", "", None), ("0", str(os.getpid()), None)],
)
def test_signs_of_life_come_twice_as_often_as_they_must(
    allowed: str, watched: str, pause: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", allowed)
    monkeypatch.setenv("WATCHDOG_PID", watched)

    assert service_manager.watchdog_pause() == pause


async def test_unwatched_we_show_none(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    manager.setblocking(False)

    await service_manager.keep_watchdog_calm()

    with pytest.raises(BlockingIOError):
        manager.recv(100)
