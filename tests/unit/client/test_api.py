from pvdify.client.api import Client
from tests.fakes.api import FakeApi


def test_health_and_status(client: Client, api: FakeApi) -> None:
    api.checks = [{"name": "disk", "state": "ok", "text": "90 % free"}]

    assert client.health().status == "ok"
    assert client.status().checks[0].next == ""
    assert client.processes("myapp") == []
