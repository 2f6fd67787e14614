from pvdify.client.api import Client
from pvdify.wire.answers import ConfigVar
from tests.fakes.api import FakeApi


def test_config_is_read_with_its_versions_and_changed(client: Client, api: FakeApi) -> None:
    api.add_release("myapp")
    client.change_config("myapp", {"A": "1", "B": "2"})
    api.config["myapp"]["S"] = {"secret": True}

    changed = client.change_config("myapp", {"B": None})

    assert changed == client.config("myapp")
    assert changed.vars == {"A": ConfigVar(value="1"), "S": ConfigVar(secret=True)}
    assert (changed.version, changed.live_version) == (2, 1)
    assert [(version.set, version.unset) for version in client.config_versions("myapp")] == [
        ([], ["B"]),
        (["A", "B"], []),
    ]
