"""Services in backups on a machine of fakes: dumped, proven in a scratch service, restored, and bad ones found."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from pvdify.engine.state.backups.scratch import GENERATION
from pvdify.engine.state.services.services import ServiceRequest
from pvdify.errors import BackupNotFound, InvalidError, ServiceExists, ServiceNotFound
from pvdify.model.backup import Backup, BackupState, BackupTask, Counts, ItemKind, Keep, TaskState, Wanted
from pvdify.model.service import Order, OrderKind, Service, ServiceState, container_name
from pvdify.model.volume import new_volume
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Killed, Machine
from tests.support.asking import ACTOR
from tests.support.databases import DUMP, ROW, ROWS, Databases

POSTGRES, FILES = "reg.example.com/postgres:15", "reg.example.com/files:1"

REQUESTS = {
    "db": ServiceRequest(kind="postgres", image=POSTGRES),
    "files": ServiceRequest(image=FILES, port=80, volume="/srv", environment={"TOKEN": "{password}"}),
}


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    for image in (POSTGRES, FILES):
        machine.registry.push(image, content=image)
    return machine


@pytest.fixture
def databases(machine: Machine) -> Databases:
    return Databases(machine)


@pytest.fixture
async def daemon(machine: Machine, databases: Databases) -> AsyncIterator[Daemon]:
    """A server with a live service and a target."""
    daemon = machine.daemon()
    await daemon.services.create("db", ServiceRequest(kind="postgres", image=POSTGRES), ACTOR)
    await looks(daemon)
    await daemon.backups.set_target("/mnt/nas", {}, ACTOR)
    yield daemon
    await daemon.bury()


async def looks(daemon: Daemon, times: int = 3, *, pause: float = 6.0) -> None:
    for _ in range(times):
        await daemon.service_keeper.look()
        await daemon.service_keeper.settle()
        await daemon.clock.sleep(pause)


@asynccontextmanager
async def minded(daemon: Daemon) -> AsyncIterator[None]:
    """The keeper of services works meanwhile."""
    working = asyncio.create_task(daemon.service_keeper.run())
    try:
        yield
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def make(daemon: Daemon) -> Backup:
    await daemon.backups.run(ACTOR)
    await daemon.keeper.look()
    return (await daemon.store.backups())[0]


async def drill(daemon: Daemon) -> BackupTask:
    await daemon.backups.verify("", ACTOR, accepts_smaller=False)
    await daemon.keeper.look()
    return (await daemon.store.backup_tasks())[0]


async def restore(daemon: Daemon, *, to: str = "db", replaces: bool = False) -> BackupTask:
    await daemon.backups.restore("", Wanted(app="", service="db", to=to, replaces=replaces), ACTOR)
    async with minded(daemon):
        await daemon.keeper.look()
    return (await daemon.store.backup_tasks())[0]


def scratch_of(service: Service) -> str:
    return container_name(service, GENERATION)


def kinds_of(backup: Backup) -> list[str]:
    return [it.kind.value for it in backup.items]


async def test_a_service_is_dumped_to_the_target_and_its_volume_is_not_copied(machine: Machine, daemon: Daemon):
    backup = await make(daemon)

    (item, server) = backup.items
    assert (item.kind, item.name, item.version, item.problem) == (ItemKind.SERVICE, "db", "15", "")
    assert item.counts is not None
    assert (item.counts.rows, item.counts.databases) == (ROWS, 1)
    assert server.kind is ItemKind.SERVER
    assert machine.backups.streams[item.snapshot].startswith(DUMP.encode())
    assert backup.state is BackupState.STORED


async def test_a_service_of_any_image_has_its_volume_in_backups_instead(daemon: Daemon):
    request = ServiceRequest(image=FILES, port=80, volume="/srv")
    await daemon.services.create("files", request, ACTOR)
    await looks(daemon)

    backup = await make(daemon)

    assert [(it.kind.value, it.app) for it in backup.items] == [
        ("service", ""), ("volume", "service--files"), ("server", ""),
    ]  # fmt: skip


async def files_service(machine: Machine, daemon: Daemon) -> Service:
    """A live service of any image, with seven files in its volume and a backup of them."""
    machine.supervisor.script(Behaviour(listens_port=80), process="service")
    await daemon.services.create("files", REQUESTS["files"], ACTOR)
    await looks(daemon)
    service = await daemon.services.get("files")
    machine.backups.content[service.volume] = Counts(files=7, bytes=700)
    await make(daemon)
    machine.backups.content[service.volume] = Counts(files=1, bytes=1)
    return service


async def restore_files(daemon: Daemon, *, to: str = "files", replaces: bool = False) -> BackupTask:
    await daemon.backups.restore("", Wanted(app="", service="files", to=to, replaces=replaces), ACTOR)
    async with minded(daemon):
        await daemon.keeper.look()
    return (await daemon.store.backup_tasks())[0]


async def test_the_volume_of_a_service_of_any_image_is_replaced_by_name(machine: Machine, daemon: Daemon):
    before = await files_service(machine, daemon)
    plan = await daemon.backups.plan_restore("", Wanted(app="", service="files", to="files", replaces=True))

    task = await restore_files(daemon, replaces=True)

    after = await daemon.services.get("files")
    trashed = [it.id for it in await machine.store.volumes(after.key) if it.is_trashed]
    assert task.state is TaskState.SUCCEEDED, task.cause
    assert plan.steps == (
        "restore its volume into a new one and compare it: 7 files, 700 B",
        "stop files and start it with the new volume",
        "move the volume that files has now to the trash, where it stays for 7 days",
    )
    assert machine.backups.content[after.volume] == Counts(files=7, bytes=700)
    assert (after.generation, after.state, after.pending) == (before.generation + 1, ServiceState.LIVE, None)
    assert trashed == [before.volume]
    assert before.container not in machine.supervisor.names


async def test_the_volume_of_a_service_of_any_image_is_restored_into_a_new_service(machine: Machine, daemon: Daemon):
    first = await files_service(machine, daemon)

    task = await restore_files(daemon, to="copy")

    made = await daemon.services.get("copy")
    assert task.state is TaskState.SUCCEEDED, task.cause
    assert (made.state, made.copy_of, made.image, made.port) == (ServiceState.LIVE, "", FILES, 80)
    assert machine.backups.content[made.volume] == Counts(files=7, bytes=700)
    token = machine.supervisor.spec(made.container).environment["TOKEN"]
    assert token != machine.supervisor.spec(first.container).environment["TOKEN"]


async def test_a_volume_that_does_not_come_back_whole_leaves_the_service_as_it_was(machine: Machine, daemon: Daemon):
    before = await files_service(machine, daemon)
    snapshot = next(it.snapshot for it in (await daemon.store.backups())[0].items if it.app == before.key)
    labels, _ = machine.backups.stored[snapshot]
    machine.backups.stored[snapshot] = (labels, Counts(files=6, bytes=600))

    replaced = await restore_files(daemon, replaces=True)
    copied = await restore_files(daemon, to="copy")
    await looks(daemon)

    after = await daemon.services.get("files")
    assert "not all of it came back" in replaced.cause
    assert "not all of it came back" in copied.cause
    assert (after.container, after.volume, after.state) == (before.container, before.volume, ServiceState.LIVE)
    assert len(await machine.volumes.find()) == 2
    assert [it.service.name for it in await daemon.services.list()] == ["db", "files"]


async def test_a_volume_of_a_purged_service_needs_a_new_service_to_go_to(machine: Machine, daemon: Daemon):
    await files_service(machine, daemon)
    await daemon.services.destroy("files", "files", ACTOR, purges=True)
    await looks(daemon)

    with pytest.raises(ServiceNotFound, match="files"):
        await daemon.backups.plan_restore("", Wanted(app="", service="files", to="files"))
    await daemon.services.create("files", ServiceRequest(image=FILES, port=80, volume="/srv"), ACTOR)
    await looks(daemon)
    task = await restore_files(daemon, replaces=True)

    assert task.state is TaskState.SUCCEEDED, task.cause
    assert machine.backups.content[(await daemon.services.get("files")).volume] == Counts(files=7, bytes=700)


async def test_files_do_not_replace_the_data_of_a_database(machine: Machine, daemon: Daemon):
    await files_service(machine, daemon)

    with pytest.raises(InvalidError, match="db was not replaced"):
        await daemon.backups.plan_restore("", Wanted(app="", service="files", to="db", replaces=True))
    with pytest.raises(InvalidError, match="files was not replaced"):
        await daemon.backups.plan_restore("", Wanted(app="", service="db", to="files", replaces=True))


async def test_a_drill_restores_it_into_a_scratch_service_of_which_nothing_is_left(machine: Machine, daemon: Daemon):
    await make(daemon)
    before = machine.supervisor.names, set(await machine.volumes.find())

    task = await drill(daemon)

    service = await daemon.services.get("db")
    restored = [name for name, words, _ in machine.inside.entered if words == ROW.restore]
    assert task.state is TaskState.SUCCEEDED, task.cause
    assert (await daemon.store.backups())[0].proven_at is not None
    assert restored == [scratch_of(service)]
    assert machine.inside.given(ROW.restore) == (DUMP * (1 + ROWS)).encode()
    assert (machine.supervisor.names, set(await machine.volumes.find())) == before
    assert (await daemon.store.backup_tasks())[0].undo == ()
    assert daemon.world.one_offs == set()


async def test_a_dump_that_was_cut_short_is_found_and_the_restore_gets_no_end(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    snapshot = backup.items[0].snapshot
    machine.backups.streams[snapshot] = machine.backups.streams[snapshot][:2000]

    task = await drill(daemon)

    assert task.state is TaskState.FAILED
    assert "its end is missing" in task.cause
    assert (await daemon.store.backups())[0].proven_at is None
    assert [it for it in machine.supervisor.names if str(GENERATION) in it] == []


async def test_a_dump_that_was_changed_is_found(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    snapshot = backup.items[0].snapshot
    machine.backups.streams[snapshot] = machine.backups.streams[snapshot].replace(b"CREATE", b"CREATF", 1)

    assert "not the" in (await drill(daemon)).cause


async def test_an_empty_dump_of_a_service_with_rows_is_found_when_it_is_made(databases: Databases, daemon: Daemon):
    databases.hold(ROWS, dumped=0)

    backup = await make(daemon)

    assert backup.state is BackupState.INCOMPLETE
    assert "the dump has 0 rows, and the service had 500 right before it" in backup.cause


async def test_a_service_that_lost_its_rows_is_found_by_the_next_drill(databases: Databases, daemon: Daemon):
    await make(daemon)
    assert (await drill(daemon)).state is TaskState.SUCCEEDED
    databases.hold(0)
    daemon.clock.jump(10)
    await make(daemon)

    task = await drill(daemon)

    assert task.state is TaskState.FAILED
    assert "it has 0 rows, and had 500" in task.cause


async def test_rows_that_do_not_come_back_are_found(databases: Databases, daemon: Daemon):
    await make(daemon)
    databases.hold(ROWS - 1)

    task = await drill(daemon)

    assert "db.public.orders has 499 instead of 500" in task.cause


async def test_a_dump_of_a_newer_version_is_found(databases: Databases, daemon: Daemon):
    await make(daemon)
    databases.hold(ROWS, version="14.9")

    task = await drill(daemon)

    assert "it is of version 15 of postgres" in task.cause
    assert "has 14" in task.cause


async def test_a_service_that_does_not_answer_with_what_came_back_is_not_proven(machine: Machine, daemon: Daemon):
    await make(daemon)
    service = await daemon.services.get("db")
    machine.inside.answer(ROW.restore, code=3, error="ERROR: relation exists", instance=scratch_of(service))

    task = await drill(daemon)

    assert "relation exists" in task.cause


async def test_a_dump_command_that_fails_stores_nothing(machine: Machine, daemon: Daemon):
    machine.inside.answer(ROW.dump, output=DUMP, code=1, error="pg_dumpall: error: out of memory")

    backup = await make(daemon)

    assert backup.state is BackupState.INCOMPLETE
    assert "out of memory" in backup.cause
    assert machine.backups.streams == {}
    assert kinds_of(backup) == ["service", "server"]


async def test_a_service_that_is_down_makes_the_backup_incomplete(machine: Machine, daemon: Daemon):
    service = await daemon.services.get("db")
    await machine.store.save(service.at(ServiceState.DOWN, daemon.clock.now(), "it crashes"))

    backup = await make(daemon)

    assert backup.state is BackupState.INCOMPLETE
    assert "it crashes" in backup.cause


async def test_nothing_that_is_there_is_written_over_unless_it_is_asked_for(daemon: Daemon):
    await make(daemon)

    with pytest.raises(ServiceExists):
        await daemon.backups.plan_restore("", Wanted(app="", service="db", to="db"))
    with pytest.raises(BackupNotFound):
        await daemon.backups.plan_restore("", Wanted(app="", service="cache", to="cache"))


async def test_restored_beside_it_is_a_service_of_its_own_with_the_user_of_the_dump(machine: Machine, daemon: Daemon):
    await make(daemon)

    task = await restore(daemon, to="copy")

    made = await daemon.services.get("copy")
    spec = machine.supervisor.spec(made.container)
    first = machine.supervisor.spec((await daemon.services.get("db")).container)
    assert task.state is TaskState.SUCCEEDED, task.cause
    assert (made.state, made.copy_of) == (ServiceState.LIVE, "")
    assert machine.inside.given(ROW.restore) == (DUMP * (1 + ROWS)).encode()
    assert spec.environment["POSTGRES_USER"] == "db"
    assert spec.environment["POSTGRES_PASSWORD"] != first.environment["POSTGRES_PASSWORD"]
    assert machine.inside.given(ROW.rotate).decode().strip() == spec.environment["POSTGRES_PASSWORD"]


async def test_replaced_it_has_the_data_of_the_backup_and_the_old_volume_is_in_the_trash(
    machine: Machine, daemon: Daemon
):
    await make(daemon)
    before = await daemon.services.get("db")
    plan = await daemon.backups.plan_restore("", Wanted(app="", service="db", to="db", replaces=True))

    task = await restore(daemon, replaces=True)

    after = await daemon.services.get("db")
    trashed = [it.id for it in await machine.store.volumes(after.key) if it.is_trashed]
    assert task.state is TaskState.SUCCEEDED, task.cause
    assert "trash" in plan.steps[-1]
    assert (after.generation, after.state, after.pending) == (before.generation + 1, ServiceState.LIVE, None)
    assert trashed == [before.volume]
    assert machine.supervisor.names == {after.container}


async def test_a_replacement_that_fails_leaves_the_service_as_it_was(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    before = await daemon.services.get("db")
    snapshot = backup.items[0].snapshot
    machine.backups.streams[snapshot] = machine.backups.streams[snapshot][:2000]

    task = await restore(daemon, replaces=True)
    await looks(daemon)

    after = await daemon.services.get("db")
    assert task.state is TaskState.FAILED
    assert "its end is missing" in task.cause
    assert (after.container, after.volume, after.state) == (before.container, before.volume, ServiceState.LIVE)
    assert set(await machine.volumes.find()) == {before.volume}


async def test_a_copy_that_fails_leaves_nothing_of_the_new_service(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    snapshot = backup.items[0].snapshot
    machine.backups.streams[snapshot] = b""

    task = await restore(daemon, to="copy")
    await looks(daemon)

    assert task.state is TaskState.FAILED
    assert [it.service.name for it in await daemon.services.list()] == ["db"]
    assert len(await machine.volumes.find()) == 1


async def test_a_service_whose_data_is_lost_runs_for_apps_only_once_it_has_the_data(machine: Machine, daemon: Daemon):
    await make(daemon)
    service = await daemon.services.get("db")
    await daemon.world.instances.remove(service.container)
    machine.supervisor.stored_volumes.clear()
    machine.backups.is_there = False
    backup = (await daemon.store.backups())[0]
    await daemon.services.restore_data("db", backup.id, service.id, ACTOR)

    await looks(daemon)
    waiting = await daemon.services.get("db")
    machine.backups.is_there = True
    await looks(daemon, 20)

    live = await daemon.services.get("db")
    assert waiting.state is ServiceState.DOWN
    assert "it has no data yet" in waiting.problem
    assert waiting.pending is not None
    assert (live.state, live.pending, live.problem) == (ServiceState.LIVE, None, "")
    assert machine.inside.given(ROW.restore) == (DUMP * (1 + ROWS)).encode()


async def test_a_daemon_killed_anywhere_in_a_drill_leaves_no_scratch_service():
    kill_at, ended = 0, False
    while not ended:
        kill_at += 1
        machine, _ = await prepared()
        dying = machine.daemon(kill_at=kill_at)
        try:
            await dying.backups.verify("", ACTOR, accepts_smaller=False)
            await dying.keeper.look()
            ended = True
        except Killed:
            pass
        await dying.bury()
        survivor = machine.daemon()
        await survivor.keeper.recover()
        await survivor.keeper.look()

        tasks = await machine.store.backup_tasks()
        assert all(it.state.is_over and it.undo == () for it in tasks), (kill_at, tasks)
        assert len(await machine.volumes.find()) == 1, kill_at
        assert len(machine.supervisor.names) == 1, kill_at
        await survivor.bury()
    assert kill_at > 10


@pytest.mark.parametrize("name", ["db", "files"])
async def test_a_daemon_killed_anywhere_in_a_replacement_leaves_one_service_with_one_volume(name: str):
    kill_at, ended = 0, False
    while not ended:
        kill_at += 1
        machine, _ = await prepared(name)
        dying = machine.daemon(kill_at=kill_at)
        try:
            backup = (await machine.store.backups())[0]
            service = await dying.services.get(name)
            await dying.services.restore_data(name, backup.id, backup.items[0].id, ACTOR)
            await looks(dying)
            ended = True
        except Killed:
            pass
        ended = ended and not dying.is_dead
        await dying.bury()
        survivor = machine.daemon()
        await looks(survivor, 6)

        service = await survivor.services.get(name)
        assert (service.state, service.pending) == (ServiceState.LIVE, None), kill_at
        assert machine.supervisor.names == {service.container}, kill_at
        known = {it.id for it in await machine.store.volumes(service.key)}
        assert set(await machine.volumes.find()) <= known, kill_at
        await survivor.bury()
    assert kill_at > 5


async def prepared(name: str = "db") -> tuple[Machine, Daemon]:
    """A machine with a live service and one backup; its daemon is gone."""
    machine = Machine()
    for image in (POSTGRES, FILES):
        machine.registry.push(image, content=image)
    Databases(machine)
    machine.supervisor.script(Behaviour(listens_port=80), process="service")
    daemon = machine.daemon()
    await daemon.services.create(name, REQUESTS[name], ACTOR)
    await looks(daemon)
    await daemon.backups.set_target("/mnt/nas", {}, ACTOR)
    await make(daemon)
    await daemon.bury()
    return machine, daemon


async def test_a_backup_of_the_volume_of_a_linked_service_is_one_of_the_app(machine: Machine, daemon: Daemon):
    await daemon.requests.create_app("shop", ACTOR)
    await files_service(machine, daemon)
    before = await daemon.backups.for_app("shop")

    await daemon.service_links.link("files", "shop", "FILES_URL", ACTOR)

    assert before == ()
    assert len(await daemon.backups.for_app("shop")) == 1


async def test_a_volume_that_is_just_being_filled_is_not_in_a_backup(machine: Machine, daemon: Daemon):
    service = await files_service(machine, daemon)
    filling = new_volume(service.key, "data-2", daemon.clock.now())
    machine.supervisor.stored_volumes[filling.id] = service.key
    await daemon.store.save(filling)

    backup = await make(daemon)

    assert [it.id for it in backup.items if it.app == service.key] == [service.volume]


async def test_found_at_the_target_alone_it_is_proven_all_the_same(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    await machine.store.forget_backup(backup.id)

    task = await drill(daemon)

    assert task.state is TaskState.SUCCEEDED, task.cause
    (found,) = await machine.store.backups()
    assert found.items[1] == replace(backup.items[0], counts=None, added=0)


async def test_the_backup_that_a_service_is_restored_from_is_kept_until_then(machine: Machine, daemon: Daemon):
    """As on a server that was lost: the next backup finds the service without its data, and is incomplete."""
    await daemon.backups.schedule(
        ACTOR, schedule="none", drills="none", time_zone=None, keep=Keep(daily=1, weekly=0, monthly=0)
    )
    first, service = await make(daemon), await daemon.services.get("db")
    machine.supervisor.stored_volumes.clear()
    await machine.store.save(
        replace(service, pending=Order(kind=OrderKind.RESTORE, by="pvdify", backup=first.id, source=service.id),
                state=ServiceState.UPGRADING)
    )  # fmt: skip
    for _ in range(3):
        daemon.clock.jump(86400)
        assert (await make(daemon)).state is BackupState.INCOMPLETE

    await daemon.world.instances.remove(service.container)
    await looks(daemon, 5)

    assert (await daemon.services.get("db")).state is ServiceState.LIVE
    assert machine.inside.given(ROW.restore) == (DUMP * (1 + ROWS)).encode()
