"""One PostHog project for the server and its apps."""

import pytest

from pvdify.engine.notifying.posthog import Posthog
from pvdify.errors import InvalidError, InvalidWebAddress
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine

V1 = "reg.example.com/shop:v1"
LINK = Posthog(host="https://eu.i.posthog.com/", key=Secret("phc_abc"))
ANNOTATING = Posthog(
    host="https://eu.i.posthog.com", key=Secret("phc_abc"), personal_key=Secret("phx_def"), project="7"
)


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(V1)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    await daemon.courier.deliver_due()
    yield daemon
    await daemon.bury()


def environment(machine: Machine, name: str) -> dict[str, str]:
    spec = machine.supervisor.spec(name)
    return {key: str(value) for key, value in spec.environment.items() if key.startswith("POSTHOG_")}


async def test_apps_get_the_project_in_their_environment_once_it_is_connected(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.posthog.connect(LINK, ACTOR)

    await daemon.deploy(image=V1)

    assert environment(machine, "pvdify-shop-web-v1-1") == {}
    assert environment(machine, "pvdify-shop-web-v2-1") == {
        "POSTHOG_HOST": "https://eu.i.posthog.com",
        "POSTHOG_KEY": "phc_abc",
    }


@pytest.mark.parametrize("own", ["POSTHOG_HOST", "POSTHOG_KEY"])
async def test_an_app_with_its_own_posthog_variables_keeps_only_those(machine: Machine, daemon: Daemon, own: str):
    await daemon.posthog.connect(LINK, ACTOR)
    await daemon.requests.create_app("shop", ACTOR)
    await daemon.requests.change_config("shop", {own: ConfigVar(value=Secret("mine"))}, ACTOR)

    await daemon.deploy(image=V1)

    assert environment(machine, "pvdify-shop-web-v1-1") == {own: "mine"}


async def test_hooks_and_workers_get_the_posthog_project(machine: Machine, daemon: Daemon):
    await daemon.posthog.connect(LINK, ACTOR)
    machine.supervisor.script(Behaviour(exit_code=0), process="pre_deploy")
    manifest = {"hooks": {"pre_deploy": ["migrate"]}, "processes": {"web": {}, "worker": {"command": "work"}}}

    await daemon.deploy(image=V1, manifest=manifest)

    started = [spec.name for spec in machine.supervisor.made if spec.environment.get("POSTHOG_KEY") == "phc_abc"]
    assert sorted(started) == ["pvdify-shop-pre_deploy-v1-1", "pvdify-shop-web-v1-1", "pvdify-shop-worker-v1-1"]


async def test_the_servers_deploys_become_events_and_releases_annotations(machine: Machine, daemon: Daemon):
    await daemon.posthog.connect(ANNOTATING, ACTOR)

    await daemon.deploy(image=V1)
    await daemon.courier.deliver_due()
    await daemon.courier.idle()

    events, annotations = machine.outlets[Channel.POSTHOG], machine.outlets[Channel.POSTHOG_ANNOTATIONS]
    assert [it.notice.action for it in events.delivered] == ["deploy.requested", "deploy.live"]
    assert [it.notice.action for it in annotations.delivered] == ["deploy.live"]
    assert annotations.keys[0]["personal_key"] == "phx_def"


async def test_reconnecting_without_a_personal_key_stops_annotations_and_disconnecting_stops_events(
    machine: Machine, daemon: Daemon
):
    await daemon.posthog.connect(ANNOTATING, ACTOR)

    await daemon.posthog.connect(LINK, ACTOR)
    assert sorted(machine.credentials.kept) == ["posthog"]
    await daemon.posthog.disconnect(ACTOR)

    assert machine.credentials.kept == {}
    assert await daemon.posthog.show() is None
    await daemon.deploy(image=V1)
    assert environment(machine, "pvdify-shop-web-v1-1") == {}


async def test_an_invalid_posthog_project_is_refused(daemon: Daemon):
    with pytest.raises(InvalidWebAddress):
        await daemon.posthog.connect(Posthog(host="eu.i.posthog.com", key=Secret("phc_abc")), ACTOR)
    with pytest.raises(InvalidError) as caught:
        await daemon.posthog.connect(
            Posthog(host="https://eu.i.posthog.com", key=Secret("a b"), personal_key=Secret("phx_a")), ACTOR
        )

    assert len(caught.value.details["problems"]) == 2  # type: ignore[arg-type]
