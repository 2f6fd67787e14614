from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.client.api import Client
from pvdify.client.endpoint import parse_url
from pvdify.client.session import Session
from pvdify.client.target import Target
from tests.fakes.api import TOKEN, FakeApi


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture
def socket_api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(tmp_path / "pvdifyd.sock") as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    """Record how long the client would have slept."""
    return []


@pytest.fixture
def client(api: FakeApi, pauses: list[float]) -> Client:
    return client_of(api, pauses)


def client_of(api: FakeApi, pauses: list[float], token: str | None = TOKEN) -> Client:
    return Client(Session(Target(endpoint=parse_url(api.url), token=token), sleep=pauses.append))
