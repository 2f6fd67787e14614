"""Previews on a machine of fakes: how they are made, updated, refused and ended, and that nothing is left."""

from datetime import timedelta
from typing import Any

import pytest

from pvdify.engine.access.keyless import LinkRequest
from pvdify.errors import ForkNotAllowed, InvalidError, NothingToDeploy, PreviewLimit
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.preview import Preview, PullRequestState, gate_of
from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.token import Actor, Role
from tests.fakes.machine import ACTOR, Daemon, Killed, Machine
from tests.support.wanted import preview_request

IMAGE = "reg.example.com/shop:pr-12"
STAGING = {"previews": {"config_from": "shop-staging"}}
REPOSITORY = "org/shop"


@pytest.fixture
def machine() -> Machine:
    machine = Machine(standby="20s")
    for tag in ("v1", "pr-12", "pr-13"):
        machine.registry.push(f"reg.example.com/shop:{tag}")
    return machine


async def open_preview(daemon: Daemon, number: int = 12, **wanted: Any) -> tuple[Preview, Release]:
    request = preview_request(**{"image": IMAGE, **wanted})
    view, release = await daemon.previews.open("shop", number, request, ACTOR)
    preview = view.preview
    return preview, await daemon.finish(preview.name, release.version)


async def set_config(daemon: Daemon, app: str, **values: str) -> None:
    if await daemon.machine.store.app(app) is None:
        await daemon.requests.create_app(app, ACTOR)
    changes = {key: ConfigVar(value=Secret(value)) for key, value in values.items()}
    await daemon.requests.change_config(app, changes, ACTOR)


async def settle(daemon: Daemon) -> None:
    while await daemon.machine.store.unsettled_operations():
        await daemon.machine.clock.sleep(0.5)


async def leftovers(machine: Machine, app: str) -> list[str]:
    """Return everything that still exists of an app, by class; events may stay."""
    store = machine.store
    found = {
        "containers": [it for it in machine.supervisor.names if f"-{app}-" in it],
        "network": app in machine.supervisor.made_networks,
        "images": await machine.images.kept(app),
        "route": (await machine.router.routes()).get(app),
        "config": [key for key in machine.secrets.versions if key[0] == app],
        "deploy logs": [key for key in machine.deploy_log.entries if key[0] == app],
        "app": await store.app(app),
        "preview": await store.preview(app),
        "releases": await store.releases(app, 99),
        "slots": await store.slots(app),
        "operations": await store.unsettled_operations(app),
        "config versions": await store.config_versions(app),
        "counts": await store.switch_counts(app, 1, 99),
    }
    return [name for name, value in found.items() if value]


async def test_a_new_preview_has_the_staging_config_and_its_own_limits(machine: Machine):
    daemon = machine.daemon()
    await set_config(daemon, "shop-staging", DATABASE="staging")
    await set_config(daemon, "shop", DATABASE="production")

    preview, release = await open_preview(daemon, manifest={**STAGING, "domains": ["shop.com"]})

    assert (preview.name, release.status) == ("shop-pr-12", ReleaseStatus.ACTIVE)
    assert machine.secrets.versions["shop-pr-12", 1]["DATABASE"].value == "staging"
    assert release.config_version == 1
    assert release.manifest.limits_of("web").memory == 256 * 1024**2
    assert release.manifest.domains == ()
    await daemon.bury()


async def test_a_push_updates_in_place_and_leaves_the_previews_own_config(machine: Machine):
    daemon = machine.daemon()
    await set_config(daemon, "shop-staging", A="1")
    await open_preview(daemon, manifest=STAGING)
    await set_config(daemon, "shop-pr-12", A="mine")
    await set_config(daemon, "shop-staging", A="2")

    _, release = await open_preview(daemon, image="reg.example.com/shop:pr-13")

    assert (release.version, release.image) == (2, "reg.example.com/shop:pr-13")
    assert machine.secrets.versions["shop-pr-12", release.config_version]["A"].value == "mine"
    assert len(await machine.store.previews("shop")) == 1
    await daemon.bury()


@pytest.mark.parametrize(
    ("config_from", "words"), [("shop", "production"), ("shop-pr-1", "not on this server"), ("other-staging", "not on")]
)
async def test_production_config_and_missing_config_are_refused_before_any_change(
    machine: Machine, config_from: str, words: str
):
    daemon = machine.daemon()
    await set_config(daemon, "shop", SECRET="production")

    with pytest.raises(InvalidError, match=words):
        await open_preview(daemon, manifest={"previews": {"config_from": config_from}})

    assert await leftovers(machine, "shop-pr-12") == []
    await daemon.bury()


async def test_a_pull_request_cannot_give_itself_more_than_its_apps_previews_have(machine: Machine):
    daemon = machine.daemon()
    await daemon.deploy(manifest={"previews": {"max": 1, "resources": {"memory": "64M"}}})

    _, release = await open_preview(daemon, manifest={"previews": {"max": 99, "resources": {"memory": "8G"}}})

    assert release.manifest.limits_of("web").memory == 64 * 1024**2
    with pytest.raises(PreviewLimit, match="may have 1 previews"):
        await open_preview(daemon, 13, manifest={"previews": {"max": 99}})
    await daemon.bury()


async def test_at_the_limit_the_preview_closed_first_is_ended(machine: Machine):
    daemon = machine.daemon()
    few = {"previews": {"max": 2}}
    for number in (1, 2):
        await open_preview(daemon, number, manifest=few)
        await machine.clock.sleep(60)
    for number in (2, 1):
        await daemon.previews.close("shop", number, ACTOR)
        await machine.clock.sleep(60)

    await open_preview(daemon, 3, manifest=few)
    await settle(daemon)

    assert [it.number for it in await machine.store.previews("shop")] == [1, 3]
    assert await leftovers(machine, "shop-pr-2") == []
    await daemon.bury()


async def test_a_preview_has_no_previews_which_would_not_count(machine: Machine):
    daemon = machine.daemon()
    await daemon.deploy("shop", image="reg.example.com/shop:v1", manifest=STAGING)
    await set_config(daemon, "shop-staging", URL="staging")
    await open_preview(daemon)
    of_it = Actor(name="ci", role=Role.DEPLOY, app="shop-pr-12")

    with pytest.raises(InvalidError) as refused:
        await daemon.previews.open("shop-pr-12", 1, preview_request(image=IMAGE), of_it)
    with pytest.raises(InvalidError):
        await daemon.previews.deploy("shop-pr-12-pr-1", preview_request(image=IMAGE).deploy, of_it)

    assert refused.value.next == "`pvdify preview shop --pr 1` makes one of shop"
    assert await machine.store.app("shop-pr-12-pr-1") is None
    await daemon.bury()


async def test_a_new_preview_without_an_image_is_refused_before_anything_is_made(machine: Machine):
    daemon = machine.daemon()

    with pytest.raises(NothingToDeploy):
        await open_preview(daemon, image=None)

    assert await leftovers(machine, "shop-pr-12") == []
    await daemon.bury()


async def test_forks_need_a_label_or_the_live_manifests_permission(machine: Machine):
    daemon = machine.daemon()
    allowing = {"previews": {"allow_forks": True}}

    with pytest.raises(ForkNotAllowed):
        await open_preview(daemon, is_fork=True, manifest=allowing)
    await open_preview(daemon, 13, is_fork=True, labels=("preview",))
    await daemon.deploy(manifest=allowing)
    await open_preview(daemon, is_fork=True)

    assert [it.number for it in await machine.store.previews("shop")] == [12, 13]
    await daemon.bury()


async def test_a_closed_preview_is_removed_completely_after_a_day(machine: Machine):
    daemon = machine.daemon()
    await set_config(daemon, "shop-staging", A="1")
    await open_preview(daemon, manifest=STAGING)
    await open_preview(daemon, image="reg.example.com/shop:pr-13")
    await daemon.previews.close("shop", 12, ACTOR)

    machine.clock.jump(24 * 3600 - 120)
    await daemon.reaper.check_all()
    kept = await machine.store.app("shop-pr-12")
    machine.clock.jump(150)
    await daemon.reaper.check_all()
    await settle(daemon)

    assert kept is not None
    assert await leftovers(machine, "shop-pr-12") == []
    assert machine.images.stored == frozenset()
    actions = [event.action for event in await machine.store.events("shop-pr-12")]
    assert actions[:2] == ["app.destroyed", "preview.ended"]
    await daemon.bury()


async def test_a_lease_without_renewal_expires(machine: Machine):
    daemon = machine.daemon()
    await open_preview(daemon)

    for _ in range(8 * 24):
        machine.clock.jump(3600)
        await daemon.reaper.check_all()
    await settle(daemon)

    assert await leftovers(machine, "shop-pr-12") == []
    await daemon.bury()


async def test_an_app_that_was_deployed_under_a_previews_name_gets_a_lease(machine: Machine):
    daemon = machine.daemon()
    await daemon.deploy(app="shop-pr-7", image=IMAGE)

    await daemon.reaper.check_all()

    adopted = await machine.store.preview("shop-pr-7")
    assert adopted is not None
    assert adopted.ends_at - machine.clock.now() > timedelta(days=6)
    await daemon.bury()


async def test_a_preview_only_recorded_before_a_kill_is_removed(machine: Machine):
    daemon = machine.daemon(kill_at=2)
    with pytest.raises(Killed):
        await open_preview(daemon)
    await daemon.bury()
    assert await leftovers(machine, "shop-pr-12") == ["preview"]

    second = machine.daemon()
    await second.previews.close("shop", 12, ACTOR)
    await second.reaper.check_all()
    machine.clock.jump(24 * 3600 + 1)
    third = machine.daemon()
    await third.reaper.check_all()

    assert await leftovers(machine, "shop-pr-12") == []


async def test_the_code_host_is_asked_before_a_preview_is_ended(machine: Machine):
    daemon = machine.daemon()
    machine.code_host.is_askable = True
    machine.code_host.open(REPOSITORY, 12)
    await open_preview(daemon, repository=REPOSITORY)
    await daemon.reaper.check_all()
    preview = await machine.store.preview("shop-pr-12")
    assert preview is not None
    await daemon.previews.note_pull_request(preview, machine.code_host.close(REPOSITORY, 12), ACTOR)
    machine.clock.jump(60)
    machine.code_host.open(REPOSITORY, 12)  # and no webhook reports it

    machine.clock.jump(24 * 3600)
    await machine.daemon().reaper.check_all()

    kept = await machine.store.preview("shop-pr-12")
    assert kept is not None
    assert kept.is_open
    await daemon.bury()


async def test_an_unreachable_code_host_delays_the_end_by_a_day_at_most(machine: Machine):
    daemon = machine.daemon()
    machine.code_host.is_askable = True
    await open_preview(daemon, repository=REPOSITORY)
    await daemon.previews.close("shop", 12, ACTOR)
    machine.code_host.is_down = True

    machine.clock.jump(24 * 3600 + 60)
    second = machine.daemon()
    await second.reaper.check_all()
    kept = await machine.store.preview("shop-pr-12")
    machine.clock.jump(24 * 3600)
    third = machine.daemon()
    await third.reaper.check_all()
    await settle(third)

    assert kept is not None
    assert await leftovers(machine, "shop-pr-12") == []
    await daemon.bury()
    await third.bury()


async def test_a_closing_without_a_webhook_is_found_by_asking_also_after_a_week_of_downtime(machine: Machine):
    daemon = machine.daemon()
    machine.code_host.is_askable = True
    machine.code_host.open(REPOSITORY, 12)
    await open_preview(daemon, repository=REPOSITORY)
    await daemon.bury()
    machine.code_host.close(REPOSITORY, 12)

    machine.clock.jump(7 * 24 * 3600)
    second = machine.daemon()
    await second.reaper.check_all()
    await settle(second)

    assert await leftovers(machine, "shop-pr-12") == []
    await second.bury()


class SetClock:
    """The machine's clock after it was set: ``now`` has changed, ``monotonic`` has not."""

    def __init__(self, machine: Machine) -> None:
        self._clock = machine.clock
        self.off = timedelta()

    def now(self) -> Any:
        return self._clock.now() + self.off

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)


@pytest.mark.parametrize("days", [400, -400, 2, -2])
async def test_a_clock_change_ends_no_preview_early_or_late(machine: Machine, days: int):
    machine.clock = clock = SetClock(machine)  # type: ignore[assignment]
    daemon = machine.daemon()
    await open_preview(daemon)
    await daemon.previews.close("shop", 12, ACTOR)
    await daemon.reaper.check_all()

    machine.clock.jump(30)
    clock.off = timedelta(days=days)
    await daemon.reaper.check_all()
    for _ in range(23):
        machine.clock.jump(3600)
        await daemon.reaper.check_all()
    kept = await machine.store.preview("shop-pr-12")
    machine.clock.jump(3600)
    await daemon.reaper.check_all()
    await settle(daemon)

    assert kept is not None
    assert await leftovers(machine, "shop-pr-12") == []
    await daemon.bury()


async def test_a_late_deploy_of_a_closed_pull_request_does_not_keep_it(machine: Machine):
    daemon = machine.daemon()
    pushed = machine.code_host.open(REPOSITORY, 12)
    preview, _ = await open_preview(daemon, as_of=pushed.as_of)
    machine.clock.jump(60)
    closed = await daemon.previews.note_pull_request(preview, machine.code_host.close(REPOSITORY, 12), ACTOR)

    late, release = await open_preview(daemon, as_of=pushed.as_of)

    assert (late.ends_at, late.is_open, release.version) == (closed.ends_at, False, 2)
    assert (await daemon.previews.note_pull_request(late, PullRequestState(is_open=True), ACTOR)).is_open
    await daemon.bury()


async def test_a_gate_is_there_from_the_first_route_on_and_follows_the_previews_own_config(machine: Machine):
    daemon = machine.daemon()
    await set_config(daemon, "shop-staging", LOGIN="team:sesame")
    wanted = {"previews": {"config_from": "shop-staging", "basic_auth": "LOGIN"}}

    preview, _ = await open_preview(daemon, manifest=wanted)

    assert {route.gate for route in machine.router.puts} == {gate_of("team:sesame")}
    await set_config(daemon, preview.name, LOGIN="team:other")
    await open_preview(daemon)
    assert (await machine.router.routes())[preview.name].gate == gate_of("team:other")
    await open_preview(daemon, manifest=STAGING)
    assert (await machine.router.routes())[preview.name].gate is None
    await daemon.bury()


@pytest.mark.parametrize(("values", "why"), [({}, "has no LOGIN"), ({"LOGIN": "sesame"}, "not name:password")])
async def test_a_preview_that_should_have_a_gate_is_never_open(machine: Machine, values: dict[str, str], why: str):
    daemon = machine.daemon()
    await set_config(daemon, "shop-staging", OTHER="x", **values)
    wanted = {"previews": {"config_from": "shop-staging", "basic_auth": "LOGIN"}}

    with pytest.raises(InvalidError, match="basic_auth") as refused:
        await open_preview(daemon, manifest=wanted)

    assert why in refused.value.why
    assert "config:set shop-staging LOGIN=-" in refused.value.next
    assert await leftovers(machine, "shop-pr-12") == []
    await daemon.bury()


async def test_a_gate_without_an_app_that_has_its_login_is_repaired_in_the_manifest(machine: Machine):
    daemon = machine.daemon()

    with pytest.raises(InvalidError, match="basic_auth") as refused:
        await open_preview(daemon, manifest={"previews": {"basic_auth": "LOGIN"}})

    assert "previews.config_from" in refused.value.next
    assert "config:set" not in refused.value.next
    await daemon.bury()


async def test_a_preview_that_was_made_by_hand_is_of_the_repository_that_its_app_is_linked_to(machine: Machine):
    daemon = machine.daemon()
    await daemon.keyless.link("shop", LinkRequest(repository=REPOSITORY, repository_id=74, owner_id=65), ACTOR)

    preview, _ = await open_preview(daemon)

    assert preview.repository == REPOSITORY
    updated, _ = await open_preview(daemon, repository="org/elsewhere")
    assert updated.repository == "org/elsewhere"
    await daemon.bury()
