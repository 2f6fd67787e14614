"""``pvdify volumes`` and its siblings."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_volumes_are_shown_with_where_they_are_and_who_uses_them(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_volume("myapp", "data", processes=["web", "worker"])
    api.add_volume("myapp", "up", shared=True, size=None)
    api.add_volume("myapp", "old", state="trash", path=None, processes=[], deleted_at="2026-12-06T10:00:00Z")

    assert pvdify("volumes", "myapp") == Ran(
        stdout="VOLUME  PATH   USED BY      SIZE     LAST BACKUP  NOTE\n"
        "data    /data  web, worker  1.5 MB   never\n"
        "up      /up    web          unknown  never        shared\n"
        "old                         1.5 MB   never        in the trash until 2026-12-06 10:00:00Z\n"
    )
    assert json.loads(pvdify("volumes", "myapp", "--json").stdout)["volumes"][0]["size"] == 1_500_000


def test_an_app_without_volumes_says_how_to_declare_one(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("volumes", "myapp") == Ran(stderr="myapp has no volumes; `volumes` in pvdify.yml declares them\n")


def test_a_volume_is_moved_to_the_trash_and_restored(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_volume("myapp", "old", state="unused")

    assert pvdify("volumes:destroy", "myapp", "old") == Ran(
        stdout="the volume old of myapp is in the trash\n", stderr="undo: pvdify volumes:restore myapp old\n"
    )
    assert pvdify("volumes:restore", "--app", "myapp", "old") == Ran(
        stdout="the volume old of myapp is restored\n",
        stderr="the next release that declares it mounts it; undo: pvdify volumes:destroy myapp old\n",
    )


def test_a_purged_volume_is_removed(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_volume("myapp", "old", state="unused")

    assert pvdify("volumes:destroy", "myapp", "old", "--purge") == Ran(stdout="the volume old of myapp is deleted\n")
    assert api.volumes["myapp"] == []


def test_a_used_or_missing_volume_is_refused(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_volume("myapp", "data")

    assert pvdify("volumes:destroy", "myapp", "data").code == 5
    assert pvdify("volumes:restore", "myapp", "nothing").code == 4
    assert pvdify("volumes", "nothere").code == 4
