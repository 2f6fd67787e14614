from pvdify.client.api import Client
from tests.fakes.api import FakeApi


def test_apps_are_made_shown_and_destroyed(client: Client, api: FakeApi) -> None:
    created = client.create_app("myapp")

    assert client.app("myapp") == created
    assert client.apps() == [created]
    client.destroy_app("myapp")
    assert api.asked[-1].query == {"confirm": "myapp"}
    assert client.apps() == []
