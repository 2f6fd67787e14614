"""Backups of volumes of services of any image on a machine of fakes: stored, and restored by name."""

import pytest

from pvdify.engine.state.services.services import ServiceRequest
from pvdify.errors import InvalidError, ServiceNotFound
from pvdify.model.backup import Counts, RestoreSubject, TaskState
from pvdify.model.service import Service, ServiceState
from pvdify.model.volume import new_volume
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Machine
from tests.support.asking import ACTOR
from tests.support.service_backups import FILES, REQUESTS, daemon, databases, machine, make, restore, run_keeper

__all__ = ["daemon", "databases", "machine"]  # fixtures


async def test_a_service_of_any_image_has_its_volume_in_backups_instead(daemon: Daemon):
    request = ServiceRequest(image=FILES, port=80, volume="/srv")
    await daemon.services.create("files", request, ACTOR)
    await run_keeper(daemon)

    backup = await make(daemon)

    assert [(it.kind.value, it.app) for it in backup.items] == [
        ("service", ""), ("volume", "service--files"), ("server", ""),
    ]  # fmt: skip


async def files_service(machine: Machine, daemon: Daemon) -> Service:
    """Return a live service of any image, with seven files in its volume and a backup of them."""
    machine.supervisor.script(Behaviour(listens_port=80), process="service")
    await daemon.services.create("files", REQUESTS["files"], ACTOR)
    await run_keeper(daemon)
    service = await daemon.services.get("files")
    machine.backups.content[service.volume] = Counts(files=7, bytes=700)
    await make(daemon)
    machine.backups.content[service.volume] = Counts(files=1, bytes=1)
    return service


async def test_the_volume_of_a_service_of_any_image_is_replaced_by_name(machine: Machine, daemon: Daemon):
    before = await files_service(machine, daemon)
    plan = await daemon.backups.plan_restore("", RestoreSubject(app="", service="files", to="files", replaces=True))

    task = await restore(daemon, service="files", replaces=True)

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

    task = await restore(daemon, service="files", to="copy")

    made = await daemon.services.get("copy")
    assert task.state is TaskState.SUCCEEDED, task.cause
    assert (made.state, made.copy_of, made.image, made.port) == (ServiceState.LIVE, "", FILES, 80)
    assert machine.backups.content[made.volume] == Counts(files=7, bytes=700)
    token = machine.supervisor.spec(made.container).environment["TOKEN"]
    assert token != machine.supervisor.spec(first.container).environment["TOKEN"]


async def test_an_incomplete_volume_restore_leaves_the_service_unchanged(machine: Machine, daemon: Daemon):
    before = await files_service(machine, daemon)
    snapshot = next(it.snapshot for it in (await daemon.store.backups())[0].items if it.app == before.key)
    labels, _ = machine.backups.stored[snapshot]
    machine.backups.stored[snapshot] = (labels, Counts(files=6, bytes=600))

    replaced = await restore(daemon, service="files", replaces=True)
    copied = await restore(daemon, service="files", to="copy")
    await run_keeper(daemon)

    after = await daemon.services.get("files")
    assert "not all of it was restored" in replaced.cause
    assert "not all of it was restored" in copied.cause
    assert (after.container, after.volume, after.state) == (before.container, before.volume, ServiceState.LIVE)
    assert len(await machine.volumes.find()) == 2
    assert [it.service.name for it in await daemon.services.list()] == ["db", "files"]


async def test_a_volume_of_a_purged_service_needs_a_new_service_to_go_to(machine: Machine, daemon: Daemon):
    await files_service(machine, daemon)
    await daemon.services.destroy("files", "files", ACTOR, purges=True)
    await run_keeper(daemon)

    with pytest.raises(ServiceNotFound, match="files"):
        await daemon.backups.plan_restore("", RestoreSubject(app="", service="files", to="files"))
    await daemon.services.create("files", ServiceRequest(image=FILES, port=80, volume="/srv"), ACTOR)
    await run_keeper(daemon)
    task = await restore(daemon, service="files", replaces=True)

    assert task.state is TaskState.SUCCEEDED, task.cause
    assert machine.backups.content[(await daemon.services.get("files")).volume] == Counts(files=7, bytes=700)


async def test_files_do_not_replace_the_data_of_a_database(machine: Machine, daemon: Daemon):
    await files_service(machine, daemon)

    with pytest.raises(InvalidError, match="db was not replaced"):
        await daemon.backups.plan_restore("", RestoreSubject(app="", service="files", to="db", replaces=True))
    with pytest.raises(InvalidError, match="files was not replaced"):
        await daemon.backups.plan_restore("", RestoreSubject(app="", service="db", to="files", replaces=True))


async def test_a_backup_of_an_app_includes_the_volume_of_its_linked_service(machine: Machine, daemon: Daemon):
    await daemon.requests.create_app("shop", ACTOR)
    await files_service(machine, daemon)
    before = await daemon.backups.for_app("shop")

    await daemon.service_links.link("files", "shop", "FILES_URL", ACTOR)

    assert before == ()
    assert len(await daemon.backups.for_app("shop")) == 1


async def test_a_volume_being_restored_is_not_in_a_backup(machine: Machine, daemon: Daemon):
    service = await files_service(machine, daemon)
    filling = new_volume(service.key, "data-2", daemon.clock.now())
    machine.supervisor.stored_volumes[filling.id] = service.key
    await daemon.store.save(filling)

    backup = await make(daemon)

    assert [it.id for it in backup.items if it.app == service.key] == [service.volume]
