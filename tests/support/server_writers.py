"""What the server itself writes (its keys, tokens, router, copies and backups), each as one piece of work."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from io import StringIO
from itertools import product
from pathlib import Path
from types import SimpleNamespace

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.files.backup_files import BackupFilesOnDisk
from pvdify.adapters.haproxy import disk
from pvdify.adapters.haproxy.launchers import Order
from pvdify.adapters.haproxy.process import appending_to
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.adapters.podman.attached.inside import PodmanInside
from pvdify.adapters.podman.images.registry_logins import AuthFile, PodmanRegistryLogins
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.instances.starter import Starter
from pvdify.adapters.podman.volumes.volume_copies import PodmanVolumeCopies
from pvdify.adapters.restic.commands import SSH_KEY
from pvdify.adapters.restic.targets import ResticTargets
from pvdify.adapters.sops import age_keys
from pvdify.adapters.sops.secrets import SopsSecrets
from pvdify.adapters.sqlite.copy import copy_database
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.adapters.systemd import exits
from pvdify.adapters.systemd.cloudflared import CloudflaredUnit
from pvdify.adapters.systemd.instances import writing_unit
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.cli.io import Io
from pvdify.daemon.admin_token import ensure_admin_token
from pvdify.daemon.database import begin_anew, open_database
from pvdify.daemon.directories import DataDirLock, prepare
from pvdify.daemon.webhook_secret import ensure_webhook_secret
from pvdify.errors import RouterUnavailable
from pvdify.installation.actions import WriteFile
from pvdify.installation.backing_up import collect
from pvdify.installation.carry_out import carry_out
from pvdify.installation.layout import Layout
from pvdify.installation.machine import Machine
from pvdify.installation.restoring import put_in_place
from pvdify.model.instance import InstanceState, Secret
from pvdify.model.registry import RegistryLogin
from pvdify.model.route import Route
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.ports.backups import BackupTarget
from pvdify.ports.secrets import Recipient
from pvdify.settings import Address, Settings, load
from tests.support.writers import NOW, NoPrograms, Work, calls, spec, vault_of


class Podman:
    """Answers what copying a volume asks: one container has the volume, and it is in ``source``."""

    def __init__(self, source: Path) -> None:
        self._source = source

    async def run(self, argv: Argv) -> Completed:
        said = f"{self._source}\n" if "inspect" in argv else "c0ffee\n" if "--quiet" in argv else ""
        if "--filter=status=paused" in argv:
            said = ""
        return Completed(argv=argv, exit_code=0, stdout=said, stderr="")


def settings_of(place: Path) -> Settings:
    return load({"data_dir": str(place)}, {}, Path("/nonexistent"))


def route(place: Path) -> Work:
    disk.prepare(place / "router")
    router = HaproxyRouter(
        directory=place / "router", run_dir=place, listen=Address(host="127.0.0.1", port=1), binary="haproxy",
        clock=SystemClock(),
    )  # fmt: skip
    return lambda: router.put(Route(app="shop", hostnames=("shop.example.com",), slot=None))


def tunnel_unit(place: Path) -> Work:
    process = CloudflaredUnit(
        systemctl=Systemctl(runner=NoPrograms()), name="tunnel.service", data_dir=place, binary="/bin/true",  # type: ignore[arg-type]
        metrics=Address(host="127.0.0.1", port=1), directory=place / "units",
    )  # fmt: skip
    return lambda: process.ensure_running(Secret("token"))


def backup_key(place: Path) -> Work:
    (place / "run").mkdir()
    targets = ResticTargets(runner=NoPrograms(), cache=place / "cache", run_dir=place / "run")  # type: ignore[arg-type]
    target = BackupTarget(location="sftp:me@host:/x", password=Secret("1"), keys={SSH_KEY: Secret("key")})
    return lambda: targets.size(target)


def _copies(mark: Path, source: Path) -> PodmanVolumeCopies:
    source.mkdir()
    (source / "file").write_text("content")
    return PodmanVolumeCopies(run=Podman(source).run, server_id="s", binary="podman", mark=mark)


def volume_copy(place: Path) -> Work:
    copies = _copies(place / "paused", place.parent / "source")
    return lambda: copies.copy_out("1", place / "copy", while_frozen=None)


def mark_of_the_paused(place: Path) -> Work:
    copies = _copies(place / "paused", place.parent / "source")

    @asynccontextmanager
    async def lock() -> AsyncIterator[None]:
        yield

    return lambda: copies.copy_out("1", place.parent / "copy", while_frozen=lock())


def _database(place: Path) -> Path:
    with closing(sqlite3.connect(place / "pvdify.db")) as making:
        making.execute("CREATE TABLE apps (name TEXT)")
    return place / "pvdify.db"


def copy_of_the_database(place: Path) -> Work:
    """Beside the database, as before an upgrade; what fails is what a backup's caller names."""
    source = _database(place)
    files = BackupFilesOnDisk(
        data_dir=place, settings_file=place / "none", copy_database=copy_database, locked=lambda _: (),
        config=lambda _, __: {},
    )  # fmt: skip
    (place.parent / "source").mkdir()

    async def copy() -> None:
        into = place / "into"
        await files._do(lambda: (into.mkdir(exist_ok=True), copy_database(source, into / "pvdify.db")))

    return copy


def backup_of_the_server(place: Path) -> Work:
    """Its directory goes when the backup has ended, however it ended."""
    _database(place)
    vault_of(place)
    files = BackupFilesOnDisk(
        data_dir=place, settings_file=place / "none", copy_database=copy_database, locked=lambda _: (),
        config=lambda _, __: {},
    )  # fmt: skip

    async def collect() -> None:
        try:
            await files.collect_server(await files.begin("server"))
        finally:
            await files.end("server")

    return collect


def rotated_key(place: Path) -> Work:
    vault = vault_of(place)
    vault.seal(place / "config" / "shop" / "v1.sops.yaml", {"A": "1"})
    return vault.rotate


def recipients(place: Path) -> Work:
    vault = vault_of(place)
    other = Recipient(name="me", key=str(age_keys.make_identity().recipient))
    return lambda: vault.set_recipients((other,))


def renamed_config(place: Path) -> Work:
    vault = vault_of(place)
    vault.seal(place / "config" / "shop" / "v1.sops.yaml", {"A": "1"})
    return lambda: SopsSecrets(place / "config", vault).rename("shop", "store")


def webhook_secret(place: Path) -> Work:
    return lambda: asyncio.to_thread(ensure_webhook_secret, settings_of(place))


def admin_token(place: Path) -> Work:
    async def none() -> tuple[()]:
        return ()

    async def draft(*_: object) -> tuple[object, str]:
        return object(), "pvd_1_2"

    server = SimpleNamespace(
        store=SimpleNamespace(tokens=none), engine=SimpleNamespace(tokens=SimpleNamespace(draft=draft)),
        settings=settings_of(place),
    )  # fmt: skip
    return lambda: ensure_admin_token(server)  # type: ignore[arg-type]


def data_directory(place: Path) -> Work:
    return lambda: asyncio.to_thread(prepare, settings_of(place / "data"))


def lock_of_the_directory(place: Path) -> Work:
    return lambda: asyncio.to_thread(DataDirLock(place).acquire)


def installed_file(place: Path) -> Work:
    """Of an installation: settings, units, programs."""
    action = WriteFile(path=place / "file", mode=0o600, content="content")
    io = Io(stdin=StringIO(), stdout=StringIO(), stderr=StringIO())
    return lambda: asyncio.to_thread(carry_out, (action,), Machine(runner=SubprocessRunner()), io)


def restored_server(place: Path) -> Work:
    layout = Layout(settings=settings_of(place), router_binary=Path("haproxy"))
    content = _database(place.parent).read_bytes()
    return lambda: asyncio.to_thread(put_in_place, {"pvdify.db": content}, layout)


def new_database(place: Path) -> Work:
    """Start over; files of an earlier database are moved aside."""
    (place / "database.id").write_text("1")
    (place / "config").mkdir()
    return lambda: begin_anew(replace(settings_of(place), podman_binary="/bin/false"))


def identity_of_the_database(place: Path) -> Work:
    return lambda: open_database(replace(settings_of(place), podman_binary="/bin/false"))


def entered_instance(place: Path) -> Work:
    """A command in an instance that runs: as if this program was one, and the one that started it its conmon."""
    conmon = os.getppid()
    files = InstanceDir(place / "instances" / "shop-web-v1-1")
    files.write({})
    files.cid_file.write_bytes(Path(f"/proc/{conmon}/cmdline").read_bytes().split(b"\0")[0])
    (files.path / "pid").write_text(str(os.getpid()))
    files.conmon_pid_file.write_text(str(conmon))

    async def attach(*_: object, **__: object) -> object:
        raise AssertionError("nothing is started where its files cannot be written")

    inside = PodmanInside(calls=calls(place.parent), attach=attach, run_dir=place)  # type: ignore[arg-type]
    return lambda: inside.enter("shop-web-v1-1", 1, ("sh",), None)


def gate(place: Path) -> Work:
    """The gate file that lets podman start an instance."""

    async def unlock() -> None:
        InstanceDir(place / "instances" / "shop-web-v1-1").unlock()

    return unlock


class NoRouter:
    """Opens the access log, and starts nothing."""

    bind = "127.0.0.1:1"

    def __init__(self, directory: Path) -> None:
        self._log = directory / disk.ACCESS_LOG

    async def launch(self, _: Order) -> None:
        async with appending_to(self._log):
            pass
        raise RouterUnavailable("there is no router here")


def router_files(place: Path) -> Work:
    """What HAProxy reads at its start, and where it writes to."""
    program = place.parent / "haproxy"
    program.write_text("#!/bin/sh\necho 'HAProxy version 2.8.25-1 2026/01/01'\n")
    program.chmod(0o755)
    router = HaproxyRouter(
        directory=place / "router", run_dir=place, listen=Address(host="127.0.0.1", port=1), binary=str(program),
        clock=SystemClock(), launcher=NoRouter(place / "router"),
    )  # fmt: skip
    return router.ensure_running


def checked_login(place: Path) -> Work:
    auth_file = AuthFile(place / "logins" / "auth.json")
    logins = PodmanRegistryLogins(runner=NoPrograms(), auth_file=auth_file, binary="podman")  # type: ignore[arg-type]
    login = RegistryLogin(host="ghcr.io", username="me", password=Secret("x"), created_at=NOW, created_by="ci")
    return lambda: logins.check(login)


def adopted_container(place: Path) -> Work:
    """One that podman has under the name already."""

    async def list(**_: str) -> tuple[object]:
        return (SimpleNamespace(id="c0ffee", identity=SimpleNamespace(app="shop"), state=InstanceState.RUNNING),)

    files = InstanceDir(place / "instances" / "shop-web-v1-1")
    files.write({})
    starter = Starter(calls=SimpleNamespace(list=list), clock=SystemClock(), logs=None)  # type: ignore[arg-type]
    return lambda: starter._adopt(spec(), files, is_started=True)


def started_unit(place: Path) -> Work:
    """What a start writes after the unit, which ``unit`` covers."""
    (place / "instance").mkdir()

    async def start() -> None:
        with writing_unit("shop-web-v1-1"):
            exits.start_over(place / "instance")

    return start


def collected_server(place: Path) -> Work:
    """What a backup in one file has."""
    _database(place)
    return lambda: asyncio.to_thread(collect, settings_of(place), place / "none", with_keys=False)


SERVER_WRITERS = (
    route, tunnel_unit, backup_key, volume_copy, mark_of_the_paused, copy_of_the_database, backup_of_the_server,
    rotated_key, recipients, renamed_config, webhook_secret, admin_token, data_directory, lock_of_the_directory,
    installed_file, restored_server, new_database, identity_of_the_database, entered_instance, gate,
    router_files, checked_login, adopted_container, started_unit, collected_server,
)  # fmt: skip
IN_MEMORY = (backup_key, entered_instance, gate, checked_login, adopted_container, started_unit)  # tmpfs needs no fsync
WITHOUT = {
    ("sync", volume_copy), ("rename", volume_copy), ("sync", mark_of_the_paused), ("rename", mark_of_the_paused),
    ("rename", started_unit),
    ("sync", copy_of_the_database), ("sync", collected_server), ("sync", data_directory), ("rename", data_directory),
    ("sync", lock_of_the_directory), ("rename", lock_of_the_directory),
    # Whole files are there by then, and the same work goes on from them when it is done again.
    ("sync", renamed_config), ("sync", new_database), *product(("sync", "rename"), (identity_of_the_database,)),
    *product(("sync", "rename"), IN_MEMORY),
}  # fmt: skip
