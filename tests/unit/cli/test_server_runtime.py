"""``pvdify server runtime``."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_the_runtime_in_effect_is_shown_with_each_app(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app_on_runtime("shop", instances=["web.1", "web.2"])
    api.runtime |= {"setting": "systemd", "move": "settled", "chosen_by": "root", "services": ["db"]}

    ran = pvdify("server", "runtime")

    assert ran == Ran(
        stdout="runtime    podman\nmove       settled\nchosen by  root\n"
        "APP   RUNTIME  INSTANCES    MOVE\nshop  podman   web.1 web.2  -\n",
        stderr="the settings file says systemd; the choice of podman takes precedence\n"
        "the service db moves when it restarts: pvdify services:restart db\n",
    )


def test_the_plan_says_what_happens_to_each_app_and_changes_nothing(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app_on_runtime("blog", held=["data"])
    api.add_app_on_runtime("old", instances=[])
    api.add_app_on_runtime("shop")

    ran = pvdify("server", "runtime", "systemd", "--plan")

    assert ran.code == 0
    assert ran.stdout == (
        "runtime  podman\ntarget   systemd\n"
        "APP   RUNTIME  INSTANCES  MOVE\n"
        "blog  podman   web.1      requests wait for data; needs 67 MB of memory meanwhile\n"
        "old   podman   -          runs nothing; its next start is there\n"
        "shop  podman   web.1      beside the old one; needs 67 MB of memory meanwhile\n"
    )
    assert api.runtime["move"] is None


def test_the_plan_says_which_volumes_are_copied_and_how_long_requests_wait(pvdify: Pvdify, api: FakeApi) -> None:
    data, files = {"name": "data", "size": 12 * 10**6}, {"name": "files", "size": None}
    api.add_app_on_runtime("blog", held=["data", "files"], copied=[data, files])
    api.add_app_on_runtime("off", instances=[], copied=[data])
    api.add_app_on_runtime("shop", held=["data"], copied=[data], hold=0.0, runtime="kubernetes")

    ran = pvdify("server", "runtime", "systemd", "--plan")

    moves = [line.split("  ")[-1].strip() for line in ran.stdout.splitlines()[3:]]
    assert moves == [
        "requests wait, at most 30 s, while it stops and these are copied: data (12 MB), files",
        "runs nothing; copies data (12 MB)",
        "visitors are turned away (503) while it stops and these are copied: data (at most 12 MB)",
    ]


def test_a_plan_for_a_runtime_that_cannot_run_here_fails_with_the_reason(pvdify: Pvdify, api: FakeApi) -> None:
    api.obstacles["systemd"] = "systemd is not process 1 of this machine"

    planned = pvdify("server", "runtime", "systemd", "--plan")
    asked = pvdify("server", "runtime", "systemd")

    assert (planned.code, planned.stderr) == (
        1, "no app can move to systemd: systemd is not process 1 of this machine\n"
    )  # fmt: skip
    assert asked.code == 2
    assert "systemd is not process 1" in asked.stderr


def test_each_app_that_has_moved_is_reported_and_a_failed_one_makes_the_command_fail(
    pvdify: Pvdify, api: FakeApi
) -> None:
    api.add_app_on_runtime("blog")
    api.add_app_on_runtime("shop")
    api.failing["shop"] = "shop v3: web.1 exited with code 1"

    ran = pvdify("server", "runtime", "systemd")

    assert ran.code == 1
    assert "blog runs on systemd\nshop was not moved: shop v3: web.1 exited with code 1\n" in ran.stderr
    assert "failed: shop v3: web.1 exited with code 1" in ran.stdout


def test_no_wait_returns_at_once_and_cancel_ends_the_move(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app_on_runtime("blog")

    begun = json.loads(pvdify("server", "runtime", "systemd", "--no-wait", "--json").stdout)
    canceled = pvdify("server", "runtime", "--cancel")

    assert begun["move"] == "moving"
    assert canceled.code == 0
    assert "canceled" in canceled.stdout
    assert "until their next deploy" in canceled.stderr
    assert pvdify("server", "runtime", "--cancel").code == 5
    assert pvdify("server", "runtime", "systemd", "--cancel").code == 2
