"""Backups of services on a machine of fakes: dumped, verified in a scratch service, restored, and damage detected."""

from dataclasses import replace

import pytest

from pvdify.engine.state.backups.scratch import GENERATION
from pvdify.errors import BackupNotFound, ServiceExists
from pvdify.model.backup import BackupState, ItemKind, Keep, RestoreSubject, TaskState
from pvdify.model.service import Order, OrderKind, ServiceState
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Killed, Machine
from tests.support.asking import ACTOR
from tests.support.databases import DUMP, ROW, ROWS, Databases
from tests.support.service_backups import (
    FILES,
    POSTGRES,
    REQUESTS,
    daemon,
    databases,
    drill,
    kinds_of,
    machine,
    make,
    restore,
    run_keeper,
    scratch_of,
)

__all__ = ["daemon", "databases", "machine"]  # fixtures


async def test_a_service_is_dumped_to_the_target_and_its_volume_is_not_copied(machine: Machine, daemon: Daemon):
    backup = await make(daemon)

    (item, server) = backup.items
    assert (item.kind, item.name, item.version, item.problem) == (ItemKind.SERVICE, "db", "15", "")
    assert item.counts is not None
    assert (item.counts.rows, item.counts.databases) == (ROWS, 1)
    assert server.kind is ItemKind.SERVER
    assert machine.backups.streams[item.snapshot].startswith(DUMP.encode())
    assert backup.state is BackupState.STORED


async def test_a_drill_restores_into_a_scratch_service_and_removes_it(machine: Machine, daemon: Daemon):
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


async def test_a_truncated_dump_is_detected_and_the_restore_is_aborted(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    snapshot = backup.items[0].snapshot
    machine.backups.streams[snapshot] = machine.backups.streams[snapshot][:2000]

    task = await drill(daemon)

    assert task.state is TaskState.FAILED
    assert "its end is missing" in task.cause
    assert (await daemon.store.backups())[0].proven_at is None
    assert [it for it in machine.supervisor.names if str(GENERATION) in it] == []


async def test_a_changed_dump_is_detected(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    snapshot = backup.items[0].snapshot
    machine.backups.streams[snapshot] = machine.backups.streams[snapshot].replace(b"CREATE", b"CREATF", 1)

    assert "not the" in (await drill(daemon)).cause


async def test_an_empty_dump_of_a_service_with_rows_is_detected_at_the_backup(databases: Databases, daemon: Daemon):
    databases.hold(ROWS, dumped=0)

    backup = await make(daemon)

    assert backup.state is BackupState.INCOMPLETE
    assert "the dump has 0 rows, and the service had 500 right before it" in backup.cause


async def test_lost_rows_are_detected_by_the_next_drill(databases: Databases, daemon: Daemon):
    await make(daemon)
    assert (await drill(daemon)).state is TaskState.SUCCEEDED
    databases.hold(0)
    daemon.clock.jump(10)
    await make(daemon)

    task = await drill(daemon)

    assert task.state is TaskState.FAILED
    assert "it has 0 rows, and had 500" in task.cause


async def test_rows_missing_after_a_restore_are_detected(databases: Databases, daemon: Daemon):
    await make(daemon)
    databases.hold(ROWS - 1)

    task = await drill(daemon)

    assert "db.public.orders has 499 instead of 500" in task.cause


async def test_a_dump_of_a_newer_version_is_detected(databases: Databases, daemon: Daemon):
    await make(daemon)
    databases.hold(ROWS, version="14.9")

    task = await drill(daemon)

    assert "it is of version 15 of postgres" in task.cause
    assert "has 14" in task.cause


async def test_a_service_whose_restore_fails_is_not_verified(machine: Machine, daemon: Daemon):
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


async def test_an_existing_service_is_not_replaced_unless_requested(daemon: Daemon):
    await make(daemon)

    with pytest.raises(ServiceExists):
        await daemon.backups.plan_restore("", RestoreSubject(app="", service="db", to="db"))
    with pytest.raises(BackupNotFound):
        await daemon.backups.plan_restore("", RestoreSubject(app="", service="cache", to="cache"))


async def test_a_dump_is_restored_into_a_new_service_with_the_dumps_user(machine: Machine, daemon: Daemon):
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


async def test_a_replaced_service_has_the_backups_data_and_its_old_volume_is_in_the_trash(
    machine: Machine, daemon: Daemon
):
    await make(daemon)
    before = await daemon.services.get("db")
    plan = await daemon.backups.plan_restore("", RestoreSubject(app="", service="db", to="db", replaces=True))

    task = await restore(daemon, replaces=True)

    after = await daemon.services.get("db")
    trashed = [it.id for it in await machine.store.volumes(after.key) if it.is_trashed]
    assert task.state is TaskState.SUCCEEDED, task.cause
    assert "trash" in plan.steps[-1]
    assert (after.generation, after.state, after.pending) == (before.generation + 1, ServiceState.LIVE, None)
    assert trashed == [before.volume]
    assert machine.supervisor.names == {after.container}


async def test_a_failed_replacement_leaves_the_service_unchanged(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    before = await daemon.services.get("db")
    snapshot = backup.items[0].snapshot
    machine.backups.streams[snapshot] = machine.backups.streams[snapshot][:2000]

    task = await restore(daemon, replaces=True)
    await run_keeper(daemon)

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
    await run_keeper(daemon)

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

    await run_keeper(daemon)
    waiting = await daemon.services.get("db")
    machine.backups.is_there = True
    await run_keeper(daemon, 20)

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
            await dying.keeper.run_due()
            ended = True
        except Killed:
            pass
        await dying.bury()
        survivor = machine.daemon()
        await survivor.keeper.recover()
        await survivor.keeper.run_due()

        tasks = await machine.store.backup_tasks()
        assert all(it.state.is_over and it.undo == () for it in tasks), (kill_at, tasks)
        assert len(await machine.volumes.find()) == 1, kill_at
        assert len(machine.supervisor.names) == 1, kill_at
        await survivor.bury()
    assert kill_at > 10


@pytest.mark.parametrize("name", ["db", "files"])
async def test_a_kill_during_a_replacement_leaves_one_service_with_one_volume(name: str):
    kill_at, ended = 0, False
    while not ended:
        kill_at += 1
        machine, _ = await prepared(name)
        dying = machine.daemon(kill_at=kill_at)
        try:
            backup = (await machine.store.backups())[0]
            service = await dying.services.get(name)
            await dying.services.restore_data(name, backup.id, backup.items[0].id, ACTOR)
            await run_keeper(dying)
            ended = True
        except Killed:
            pass
        ended = ended and not dying.is_dead
        await dying.bury()
        survivor = machine.daemon()
        await run_keeper(survivor, 6)

        service = await survivor.services.get(name)
        assert (service.state, service.pending) == (ServiceState.LIVE, None), kill_at
        assert machine.supervisor.names == {service.container}, kill_at
        known = {it.id for it in await machine.store.volumes(service.key)}
        assert set(await machine.volumes.find()) <= known, kill_at
        await survivor.bury()
    assert kill_at > 5


async def prepared(name: str = "db") -> tuple[Machine, Daemon]:
    """Return a machine with a live service and one backup, whose daemon has stopped."""
    machine = Machine()
    for image in (POSTGRES, FILES):
        machine.registry.push(image, content=image)
    Databases(machine)
    machine.supervisor.script(Behaviour(listens_port=80), process="service")
    daemon = machine.daemon()
    await daemon.services.create(name, REQUESTS[name], ACTOR)
    await run_keeper(daemon)
    await daemon.backups.set_target("/mnt/nas", {}, ACTOR)
    await make(daemon)
    await daemon.bury()
    return machine, daemon


async def test_a_backup_found_only_at_the_target_is_verified(machine: Machine, daemon: Daemon):
    backup = await make(daemon)
    await machine.store.forget_backup(backup.id)

    task = await drill(daemon)

    assert task.state is TaskState.SUCCEEDED, task.cause
    (found,) = await machine.store.backups()
    assert found.items[1] == replace(backup.items[0], counts=None, added=0)


async def test_the_backup_being_restored_is_kept_until_the_restore_ends(machine: Machine, daemon: Daemon):
    """On a replaced server, the next backup finds the service without its data and is incomplete."""
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
    await run_keeper(daemon, 5)

    assert (await daemon.services.get("db")).state is ServiceState.LIVE
    assert machine.inside.given(ROW.restore) == (DUMP * (1 + ROWS)).encode()
