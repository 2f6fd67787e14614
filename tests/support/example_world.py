"""The apps, releases, previews, jobs and tokens that examples of help and docs name, on an engine on fakes."""

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pvdify.engine.access.keyless import LinkRequest
from pvdify.engine.access.users import Invitation
from pvdify.engine.notifying.notifications import NotificationRequest
from pvdify.engine.state.services.services import ServiceRequest
from pvdify.model.config import ConfigVar
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.job import JobRecord, JobRun, RunState
from pvdify.model.link import Repository
from pvdify.model.notice import Channel, Subscription
from pvdify.model.release import Release
from pvdify.model.service import ServiceState
from pvdify.model.service_kinds import KINDS
from pvdify.model.slot import SlotState
from pvdify.model.token import Role
from pvdify.model.user import Holder, HolderKind
from pvdify.model.visit import Visit
from pvdify.model.volume import new_volume
from pvdify.ports.secrets import OpenedFile, Recipient
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon
from tests.support.databases import Databases
from tests.support.engine_server import ADMIN
from tests.support.wanted import deploy_request, preview_request

IMAGES = re.compile(r"(?:ghcr\.io|registry\.example\.com)/\S+:\S+")
SECRET = "a-secret-value"
IMAGE = "ghcr.io/org/app:v1"
SOPS_FILE = "A: ENC[x]\nsops:\n    mac: ENC[x]\n"
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
MAKES = {("deploy", "trial"), ("apps:create", "myapp"), ("apps:rename", "shop")}  # apps that are not there before
RUNNING: set["asyncio.Task[None]"] = set()
OLD, LIVE = 41, 42  # releases that examples name
MANIFEST: dict[str, Any] = {
    "processes": {"web": {"count": 2}, "worker": {"command": ["work"], "count": 1}},
    "volumes": {"files": {"path": "/files", "shared": True}},
    "jobs": {"report": {"schedule": "0 3 * * *", "command": ["report"]}},
    "previews": {"max": 5},
}
HAS_DATA = {**MANIFEST, "volumes": {"data": {"path": "/data", "shared": True}}}


async def furnish(daemon: Daemon, words: tuple[str, ...], images: frozenset[str]) -> None:
    """Make the apps that these words name, and what the examples have of them."""
    for image in images | {"ghcr.io/org/app:v1", "ghcr.io/org/app:v2"}:
        daemon.machine.registry.push(image)
    for name in ("myapp", "myapp-staging", "hello", "trial", "blog", "shop"):
        is_made = (words[0], name) in MAKES
        if (name in words or name == "myapp") and not is_made:
            await _app(daemon, name, HAS_DATA if words[0].startswith("backups") else MANIFEST)
    if words[0] != "apps:create":
        await _belongings(daemon, words)
    await _server(daemon, words)
    if words[0].startswith("services"):
        await _services(daemon, words)
    if words[0].startswith("backups") and words[0] != "backups:target":
        await _backups(daemon, words)


def _keep_running(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    RUNNING.add(task)
    task.add_done_callback(RUNNING.discard)


async def _services(daemon: Daemon, words: tuple[str, ...]) -> None:
    """PostgreSQL ``db``, to which myapp is linked unless the example links it, and Redis ``cache``."""
    for image in ("library/postgres:17", "library/postgres:17.2", "library/redis:7", "getmeili/meilisearch:v1.11"):
        daemon.machine.registry.push(f"docker.io/{image}")
    daemon.machine.supervisor.script(Behaviour(listens_port=7700), app="service--search")
    daemon.machine.inside.answer(KINDS["postgres"].version, output="postgres (PostgreSQL) 17.0")
    says_version = Behaviour(lines=("postgres (PostgreSQL) 17.2",), exit_code=0, exit_after=0.1)
    daemon.machine.supervisor.script(says_version, command=KINDS["postgres"].version)
    _keep_running(daemon.service_keeper.run())
    if words[0] == "services:create":
        return
    for name, kind in (("db", "postgres"), ("cache", "redis")):
        await daemon.services.create(name, ServiceRequest(kind=kind), ADMIN)
        while (service := await daemon.services.get(name)).state is not ServiceState.LIVE:
            await asyncio.sleep(0.01)
        daemon.machine.supervisor.write(service.container, "ready to accept connections")
    if words[0] == "services:link":
        await daemon.requests.change_config("myapp", {"DATABASE_URL": None}, ADMIN)
    if words[0] == "services:unlink":
        await daemon.service_links.link("db", "myapp", "PG_URL", ADMIN)
    if words[0] == "services:restore":
        await daemon.services.destroy("db", "db", ADMIN)
        while any(it.service.name == "db" and not it.service.is_trashed for it in await daemon.services.list()):
            await asyncio.sleep(0.01)


async def _backups(daemon: Daemon, words: tuple[str, ...]) -> None:
    """A target with one proven backup, and what carries out what the example asks for."""
    if "--service" in words:
        Databases(daemon.machine)
        await _services(daemon, words)
    await daemon.backups.set_target("/mnt/nas/pvdify", {}, ADMIN)
    await daemon.backups.run(ADMIN)
    await daemon.keeper.run_due()
    if "--replace" in words and "--service" not in words:
        await daemon.finish_operation(await daemon.processes.set_stopped("myapp", ADMIN, is_stopped=True))
    for backup in await daemon.store.backups():
        if named := [it for it in words if it[:8].isdigit()]:
            await daemon.store.save(replace(backup, id=named[0]))
    _keep_running(daemon.keeper.run())


async def _app(daemon: Daemon, name: str, manifest: dict[str, Any]) -> None:
    """With a release 41 and a live release 42, on config vars."""
    daemon.machine.registry.push("ghcr.io/org/app:v1")
    await daemon.requests.create_app(name, ADMIN)
    secrets = {"STRIPE_KEY": "sk-live-4711", "DATABASE_URL": "postgresql://app@db/app"}
    changes = {key: ConfigVar(value=Secret(value), is_secret=True) for key, value in secrets.items()}
    changes |= {"LOG_LEVEL": ConfigVar(value=Secret("info")), "START_EXIT": ConfigVar(value=Secret("0"))}
    await daemon.requests.change_config(name, changes, ADMIN)
    first = await daemon.requests.deploy(name, deploy_request(image="ghcr.io/org/app:v1", manifest=manifest), ADMIN)
    await _numbered(daemon, await daemon.finish(name, first.version))
    for image in ("ghcr.io/org/app:v1", "ghcr.io/org/app:v2"):
        release = await daemon.requests.deploy(name, deploy_request(image=image), ADMIN)
        await daemon.finish(name, release.version)
    live = next(slot for slot in await daemon.store.slots(name) if slot.state is SlotState.LIVE)
    for place in live.placements:
        daemon.machine.supervisor.write(place.name, "an app writes")


async def _numbered(daemon: Daemon, release: Release) -> None:
    """Renumber the release, so that the next releases have the numbers in the examples."""
    await daemon.store.save(replace(release, version=OLD - 1, was_live=False, slot=None, status=release.status.FAILED))


async def _belongings(daemon: Daemon, words: tuple[str, ...]) -> None:
    """What the examples have of myapp."""
    machine, store, now = daemon.machine, daemon.store, daemon.clock.now()
    if words[0] == "config:rollback":
        for level in ("debug", "warning", "error"):
            await daemon.requests.change_config("myapp", {"LOG_LEVEL": ConfigVar(value=Secret(level))}, ADMIN)
    await daemon.domains.add("myapp", "www.example.com", ADMIN)
    for name in ("uploads", "cache", *(() if words[0].startswith("backups") else ("data",))):
        volume = new_volume("myapp", name, now)
        is_gone = words[0] == "volumes:restore"
        await store.save(replace(volume, trashed_at=now, trashed_by="admin") if is_gone else volume)
    for number, state in ((1, RunState.SUCCEEDED), (17, RunState.SUCCEEDED)):
        run = JobRun(app="myapp", job="report", number=number, state=state, created_at=now, created_by="schedule",
                     started_at=now, ended_at=now + timedelta(seconds=3), exit_code=0, release=LIVE)  # fmt: skip
        await store.save(run)
    await store.save(
        JobRecord(
            app="myapp", job="report", schedule="0 3 * * *", time_zone="UTC", accounted=now, since=now, last_number=17
        )
    )
    preview = preview_request(image="ghcr.io/org/app:v1")
    await daemon.previews.open("myapp", 12, preview, ADMIN)
    await daemon.finish("myapp-pr-12", 1)
    machine.code_host.repositories["org/myapp"] = Repository(name="org/myapp", id=74, owner_id=65)
    await daemon.keyless.link("myapp", LinkRequest(repository="org/myapp"), ADMIN)
    if words[0] == "jobs:run":
        machine.supervisor.script(Behaviour(lines=("reported",), exit_code=0, exit_after=1), process="report")
        _keep_running(daemon.scheduler.run())
    if words[0] == "deploy:cancel":
        machine.supervisor.script(Behaviour(exit_after=3600), process="pre_deploy")
        machine.clock.slow_down(0.05)
        await daemon.requests.deploy(
            "myapp", deploy_request(image=IMAGE, manifest={"hooks": {"pre_deploy": ["work"]}}), ADMIN
        )
    machine.access_log.visits.append(
        Visit(at=now, request_id="r1", client="192.0.2.1", protocol="HTTP/1.1", method="GET", host="myapp.example.com",
              path="/", status=200, seconds=0.1, wait=0.1, bytes_in=100, bytes_out=200, target="myapp/v42:1", retries=0,
              ended="----", agent="curl", routed_to="myapp")
    )  # fmt: skip


async def _server(daemon: Daemon, words: tuple[str, ...]) -> None:
    """What the examples have of the server itself: recipients, notifications, tokens, registry logins."""
    machine, store, now = daemon.machine, daemon.store, daemon.clock.now()
    for user in ("octocat", "shop-bot"):
        machine.registry_logins.passwords["ghcr.io", user] = SECRET
    await daemon.registries.login("ghcr.io", "octocat", Secret(SECRET), ADMIN)
    opened = OpenedFile(values={"A": Secret("a-secret-value")}, marked=frozenset({"A"}))
    machine.secrets.files[SOPS_FILE] = opened
    if words[0] != "secrets:add":
        names = ("recovery", "second admin")
        machine.secrets.others = tuple(Recipient(name=name, key=RECIPIENT) for name in names)
    for id in ("3f9a2c1b", "b1c2d3e4"):
        wanted = NotificationRequest(channel=Channel.WEBHOOK, url=Secret(f"https://ops.example.com/{id}"))
        made, _ = await daemon.notifications.add(wanted, ADMIN)
        await _with_id(daemon, made, id)
    app = None if words[0] == "apps:create" else "myapp"
    token, _ = await daemon.tokens.create("ci", Role.DEPLOY, app, None, ADMIN)
    await store.save(replace(token, id="3f9a2c", created_at=now))
    if words[0] in ("users:role", "users:remove", "sessions:revoke") or "--again" in words:
        user, _ = await daemon.users.invite(Invitation(name="Ada", role=Role.DEPLOY), ADMIN)
        holder = Holder(kind=HolderKind.USER, id=user.id, name=user.name)
        session, _ = await daemon.sessions.start(holder, "invitation", "192.0.2.1", "a browser")
        await store.save_people(replace(session, id="3f9a2c07d1b4"))


async def _with_id(daemon: Daemon, made: Subscription, id: str) -> None:
    """The id in the examples, also where its address is kept."""
    kept = await daemon.machine.credentials.read(made.id)
    event = Event(at=made.created_at, actor="admin", action="notification.added")
    await daemon.store.save_subscription(replace(made, id=id), event)
    await daemon.machine.credentials.write(id, kept or {})
