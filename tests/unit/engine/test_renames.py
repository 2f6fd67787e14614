"""An app is renamed with everything it has; a daemon killed meanwhile leaves either the old or the new name."""

import asyncio
import re
from contextlib import suppress

import pytest

from pvdify.engine.access.keyless import LinkRequest
from pvdify.errors import AppBusy, AppExists, AppNotFound, AppRenamed, HostnameTaken, InvalidError
from pvdify.model.config import ConfigVar
from pvdify.model.event import EventFilter
from pvdify.model.instance import Secret
from pvdify.model.release import ReleaseStatus
from pvdify.model.slot import SlotState
from pvdify.model.token import Actor, Role
from tests.fakes.machine import ACTOR, Daemon, Killed, Machine, assert_consistent, standby
from tests.support.wanted import deploy_request, preview_request

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
ADMIN = Actor(name="admin", role=Role.ADMIN)
MANIFEST = {
    "processes": {"web": {"count": 2}, "worker": {"command": ["work"]}},
    "domains": ["www.shop.net"],
    "volumes": {"data": {"path": "/data", "shared": True}},
    "jobs": {"report": {"schedule": "0 3 * * *", "command": ["report"]}},
}


@pytest.fixture
async def machine():
    machine = Machine(**standby(60))
    machine.registry.push(V1)
    machine.registry.push(V2)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def furnish(daemon: Daemon) -> None:
    """Make an app with every kind of record that an app can have."""
    machine = daemon.machine
    await daemon.deploy(image=V1, manifest=MANIFEST)
    await daemon.requests.change_config("shop", {"KEY": ConfigVar(value=Secret("s3cret-word"), is_secret=True)}, ACTOR)
    await daemon.deploy(image=V2)
    await daemon.domains.add("shop", "shop.net", ADMIN)
    await daemon.tokens.create("ci", Role.DEPLOY, "shop", None, ADMIN)
    machine.registry_logins.passwords["reg.example.com", "bot"] = "pass"
    await daemon.registries.login("reg.example.com", "bot", Secret("pass"), ADMIN, "shop")
    await daemon.keyless.link("shop", LinkRequest(repository="org/shop", repository_id=74, owner_id=65), ADMIN)
    await daemon.scheduler.advance_all()
    await daemon.previews.open("shop", 7, preview_request(image=V1), ADMIN)
    await daemon.finish("shop-pr-7", 1)


async def hostnames(daemon: Daemon, app: str) -> list[str]:
    return [domain.hostname for domain in await daemon.domains.list(app)]


def columns_with(machine: Machine, name: str) -> set[str]:
    """Return the columns of the database that have this app's name or a name derived from it."""
    found, word = set(), re.compile(rf"(?<![\w./-]){name}(?![\w.])")
    connection = machine.store._connection
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in connection.execute(f"SELECT * FROM {table}").fetchall():
            found |= {f"{table}.{key}" for key in row.keys() if word.search(str(row[key]))}  # noqa: SIM118
    return found


async def test_a_rename_changes_all_records_without_downtime(machine: Machine, daemon: Daemon):
    await furnish(daemon)
    ran = machine.supervisor.running

    app = (await daemon.renames.rename("shop", "store", ADMIN, keeps_hostname=False)).app

    assert app.name == "store"
    await daemon.reconciler.reconcile()
    assert machine.supervisor.running == ran
    assert machine.unserved == []
    await assert_consistent(machine, "store")
    routes = await machine.router.routes()
    assert routes["store"].hostnames == ("shop.net", "store.example.com", "www.shop.net")
    assert set(routes) == {"store", "store-pr-7"}
    # These keep the old name: its reservation, texts of the history, and an internal id.
    assert columns_with(machine, "shop") == {"former_names.name", "events.text", "volumes.id"}
    assert (await daemon.queries.app("store")).app.name == "store"
    assert {app for app, _ in machine.secrets.versions} == {"store"}
    assert {app for app, _ in machine.deploy_log.entries} == {"store", "store-pr-7"}
    assert await machine.images.kept("shop") == frozenset()
    assert await machine.images.kept("store") >= {2}
    assert [login.app for login in await daemon.registries.list()] == ["store"]
    assert {token.app for token in await daemon.store.tokens()} == {"store"}
    assert [link.app for link in await daemon.keyless.links("store")] == ["store"]
    assert [volume.app for volume in await daemon.store.volumes()] == ["store", "store-pr-7"]
    assert [job.name for job in await daemon.jobs.list("store")] == ["report"]
    assert (await daemon.previews.get("store", 7)).name == "store-pr-7"
    renamed, *_ = await daemon.store.matching_events(EventFilter(app="store", kind="app.renamed"), 1)
    assert (renamed.text, renamed.actor) == ("shop is store now", "admin")


async def test_the_next_deploy_gives_instances_the_new_name_without_a_gap(machine: Machine, daemon: Daemon):
    await furnish(daemon)
    await daemon.renames.rename("shop", "store", ADMIN, keeps_hostname=False)

    release = await daemon.deploy("store", image=V1)

    assert release.status is ReleaseStatus.ACTIVE
    live = next(slot for slot in await daemon.store.slots("store") if slot.state is SlotState.LIVE)
    assert {place.name.split("-")[1] for place in live.placements} == {"store"}
    await daemon.finish_retirements()
    await daemon.reconciler.reconcile()
    assert not [name for name in machine.supervisor.names if name.startswith("pvdify-shop-web")]
    assert machine.unserved == []
    assert (await daemon.rollback("store", 2)).status is ReleaseStatus.ACTIVE


async def test_instances_started_after_a_rename_have_unique_serials(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}}})
    await daemon.renames.rename("shop", "store", ADMIN, keeps_hostname=False)

    await daemon.scale("store", web=3)
    await daemon.restart("store", "web")

    (slot,) = await daemon.store.slots("store")
    assert len({place.serial for place in slot.placements}) == 3
    assert machine.unserved == []
    await assert_consistent(machine, "store")


async def test_instances_under_the_old_name_keep_running_and_their_logs_stay_readable_and_redacted(
    machine: Machine, daemon: Daemon
):
    await furnish(daemon)
    machine.supervisor.write("pvdify-shop-web-v2-1", "the word is s3cret-word")
    await daemon.renames.rename("shop", "store", ADMIN, keeps_hostname=False)

    writers = await daemon.queries.runtime_logs.writers("store", None, None)
    lines = [line.text for line in await daemon.queries.runtime_logs.tail(writers, 10)]
    machine.supervisor.crash("pvdify-shop-web-v2-1")
    watching = asyncio.create_task(daemon.reconciler.run())
    await machine.clock.sleep(30)
    watching.cancel()

    assert len(lines) == 1
    assert lines[0].startswith("the word is ")
    assert "s3cret-word" not in lines[0]
    assert "pvdify-shop-web-v2-1" in machine.supervisor.running
    assert len(await machine.route_of("store")) == 2


async def test_the_previous_default_hostname_can_be_kept(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={})

    await daemon.renames.rename("shop", "store", ADMIN, keeps_hostname=True)

    assert await hostnames(daemon, "store") == ["store.example.com", "shop.example.com"]
    assert (await machine.router.routes())["store"].hostnames == ("shop.example.com", "store.example.com")
    await daemon.deploy("store", image=V1, manifest={})


async def test_the_old_name_stays_reserved_and_can_be_reused_by_the_app(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={})
    await daemon.deploy("blog", image=V1, manifest={})
    await daemon.renames.rename("shop", "store", ADMIN, keeps_hostname=False)
    await daemon.renames.rename("store", "boutique", ADMIN, keeps_hostname=False)

    deploy = daemon.requests.deploy("store", deploy_request(image=V1), ADMIN)
    for work in (daemon.requests.create_app("shop", ADMIN), deploy):
        with pytest.raises(AppRenamed, match="is called boutique since"):
            await work
    with pytest.raises(AppExists, match="which is called boutique now"):
        await daemon.renames.rename("blog", "shop", ADMIN, keeps_hostname=False)
    assert (await daemon.renames.rename("boutique", "shop", ADMIN, keeps_hostname=True)).app.name == "shop"
    assert await hostnames(daemon, "shop") == ["shop.example.com", "boutique.example.com"]
    await daemon.requests.destroy_app("shop", "shop", ADMIN)
    while await daemon.store.app("shop") is not None:
        await machine.clock.sleep(0.5)
    assert (await daemon.requests.create_app("store", ADMIN)).app.name == "store"


async def test_a_refused_rename_changes_nothing(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={})
    await daemon.requests.create_app("blog", ADMIN)
    await daemon.domains.add("blog", "store.example.com", ADMIN)

    for name, new, error in [
        ("shop", "blog", AppExists), ("shop", "store", HostnameTaken), ("none", "some", AppNotFound),
        ("shop", "Store", InvalidError), ("shop", "x-pr-1", InvalidError), ("shop", "shop", InvalidError),
    ]:  # fmt: skip
        with pytest.raises(error):
            await daemon.renames.rename(name, new, ADMIN, keeps_hostname=False)

    await daemon.requests.deploy("shop", deploy_request(image=V2), ADMIN)
    with pytest.raises(AppBusy, match="shop was not renamed"):
        await daemon.renames.rename("shop", "boutique", ADMIN, keeps_hostname=False)
    assert {app.name for app in await daemon.store.apps()} == {"shop", "blog"}


@pytest.mark.slow
async def test_killed_at_every_write_it_ends_with_the_old_name_or_the_new(machine: Machine):
    async def prepared(kill_at: int | None) -> tuple[Machine, Daemon]:
        fresh = Machine(**standby(60))
        for image in (V1, V2):
            fresh.registry.push(image)
        first = fresh.daemon()
        await furnish(first)
        await first.bury()
        return fresh, fresh.daemon(kill_at)

    _, counting = await prepared(None)
    await counting.worker.resume()
    await counting.renames.rename("shop", "store", ADMIN, keeps_hostname=True)
    await counting.bury()
    assert counting.moments >= 2

    ends = set()
    for kill_at in range(1, counting.moments + 1):
        fresh, dying = await prepared(kill_at)
        with suppress(Killed):
            await dying.worker.resume()
            work = asyncio.ensure_future(dying.renames.rename("shop", "store", ADMIN, keeps_hostname=True))
            died = asyncio.ensure_future(dying.died.wait())
            await asyncio.wait({work, died}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(work, return_exceptions=True)
        await dying.bury()
        daemon = fresh.daemon()
        await daemon.recover()
        (name,) = {app.name for app in await fresh.store.apps()} - {"shop-pr-7", "store-pr-7"}
        ends.add(name)
        await assert_consistent(fresh, name)
        assert set(await fresh.router.routes()) == {name, f"{name}-pr-7"}
        assert {app for app, _ in fresh.secrets.versions} == {name}
        assert await fresh.images.kept("shop" if name == "store" else "store") == frozenset()
        assert (await daemon.deploy(name, image=V1)).status is ReleaseStatus.ACTIVE
        assert fresh.unserved == []
        await daemon.bury()
    assert ends == {"shop", "store"}


async def test_an_app_whose_volumes_stay_behind_is_not_renamed(machine: Machine, daemon: Daemon) -> None:
    await furnish(daemon)
    machine.volumes.staying = {volume.id for volume in await machine.store.volumes("shop")}

    with pytest.raises(InvalidError, match="was not renamed") as refused:
        await daemon.renames.rename("shop", "store", ADMIN, keeps_hostname=False)

    assert "data" in refused.value.why
    assert (await daemon.queries.app("shop")).app.name == "shop"
