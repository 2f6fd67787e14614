"""``pvdify pause`` and ``resume``."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_requests_are_held_until_the_app_is_resumed(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("pause", "myapp", "--for", "1m") == Ran(
        stdout="new requests of myapp wait, for 1m at most\n", stderr="to resume: pvdify resume myapp\n"
    )
    assert api.asked[-1].body == {"seconds": 60}
    assert pvdify("resume", "myapp") == Ran(stdout="myapp answers its requests again\n")
    assert json.loads(pvdify("resume", "myapp", "--json").stdout)["name"] == "myapp"


def test_what_is_no_duration_is_refused(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("pause", "myapp", "--for", "soon").code == 2
    assert pvdify("pause", "nothere").code == 4
