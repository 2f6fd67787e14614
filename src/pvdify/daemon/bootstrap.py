"""The composition root: the only file that names both a port and its adapter."""

from collections.abc import Coroutine
from dataclasses import dataclass

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.cloudflare.api import CloudflareApi
from pvdify.adapters.cloudflare.edge import CloudflareEdge
from pvdify.adapters.files.deploy_log import FileDeployLog
from pvdify.adapters.files.tunnel_token import TunnelTokenFile
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.github.code_host import GithubCodeHost
from pvdify.adapters.github.reports import GithubReports
from pvdify.adapters.github.rest import RestApi
from pvdify.adapters.haproxy.access_journal import AccessLogJournal
from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.haproxy.config import Front
from pvdify.adapters.haproxy.launchers import AsUnit
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.adapters.host.host import LinuxHost
from pvdify.adapters.http_probe.prober import HttpProber
from pvdify.adapters.httpx2.public import HttpxPublicWeb
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.openid.identities import OpenidIdentities
from pvdify.adapters.openid.keys import Keys
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.containers import PodmanContainers
from pvdify.adapters.podman.images import PodmanImages
from pvdify.adapters.podman.one_offs import PodmanOneOffs
from pvdify.adapters.podman.registry_logins import AuthFile, PodmanRegistryLogins
from pvdify.adapters.podman.supervisor import PodmanSupervisor
from pvdify.adapters.posthog.outlet import PosthogAnnotations, PosthogEvents
from pvdify.adapters.sops.credentials import SopsCredentials
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.secrets import SopsSecrets
from pvdify.adapters.sops.vault import Vault
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.adapters.subprocess.attached import attach
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.adapters.systemd.cloudflared import UNIT, CloudflaredUnit
from pvdify.adapters.systemd.journal import Journal
from pvdify.adapters.systemd.supervisor import SystemdSupervisor
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.systemd.units import Units
from pvdify.adapters.webhooks import bodies
from pvdify.adapters.webhooks.outlet import WebhookOutlet
from pvdify.api.call import Engine
from pvdify.daemon.secret_files import read_secret
from pvdify.daemon.webhook_secret import webhook_secrets
from pvdify.engine.config_files import ConfigFiles
from pvdify.engine.courier import Courier
from pvdify.engine.domains import Domains
from pvdify.engine.edge import EdgeKeeper
from pvdify.engine.keyless import Keyless
from pvdify.engine.liveness import Liveness
from pvdify.engine.notifications import Notifications
from pvdify.engine.observations import Observations
from pvdify.engine.one_offs import OneOffRuns
from pvdify.engine.posthog import PosthogLink
from pvdify.engine.previews import PreviewRequests
from pvdify.engine.processes import Processes
from pvdify.engine.queries import Queries
from pvdify.engine.reaper import Reaper
from pvdify.engine.recipients import Recipients
from pvdify.engine.reconciler import Reconciler
from pvdify.engine.redaction.hiding import with_secrets_hidden
from pvdify.engine.redaction.one_offs import CleanOneOffs
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.registries import Registries
from pvdify.engine.requests import Requests
from pvdify.engine.runner import Runner
from pvdify.engine.tokens import Tokens
from pvdify.engine.webhooks import Webhooks
from pvdify.engine.worker import Worker
from pvdify.engine.world import World
from pvdify.model.notice import Channel
from pvdify.ports.access_log import AccessLog
from pvdify.ports.attached import OneOffs
from pvdify.ports.clock import Clock
from pvdify.ports.command_runner import CommandRunner
from pvdify.ports.edge import TunnelProcess
from pvdify.ports.outlet import Outlet
from pvdify.ports.router import Router
from pvdify.ports.supervisor import Supervisor
from pvdify.ports.web import Web
from pvdify.settings import DEFAULT_DATA_DIR, Settings


@dataclass(frozen=True, kw_only=True)
class Encrypted:
    """What is at rest in SOPS files."""

    vault: Vault
    config: SopsSecrets
    credentials: SopsCredentials


@dataclass(frozen=True, kw_only=True)
class Server:
    """One complete server, wired but not started."""

    settings: Settings
    store: SqliteStore
    router: HaproxyRouter
    web: HttpxWeb
    encrypted: Encrypted
    world: World
    worker: Worker
    reconciler: Reconciler
    liveness: Liveness
    reaper: Reaper
    courier: Courier
    edge: EdgeKeeper
    engine: Engine
    redactors: Redactors

    def duties(self) -> tuple[Coroutine[None, None, None], ...]:
        """What is done all the time, each until it is canceled."""
        return (
            self.reconciler.keep_router(),
            self.reconciler.run(),
            self.liveness.run(),
            self.reaper.run(),
            self.courier.run(),
            self.edge.run(),
            self.engine.observations.keep_access_log_small(),
        )


def build_server(settings: Settings) -> Server:
    """Make every part; nothing is started, opened or written yet."""
    store, router = SqliteStore(settings.data_dir / "pvdify.db"), build_router(settings)
    web, encrypted = HttpxWeb(), build_encrypted(settings)
    world, redactors = with_secrets_hidden(build_world(settings, store, router, encrypted))
    github = _github(settings, web)
    courier = Courier(world, build_outlets(web, world.clock, settings, github))
    edge = EdgeKeeper(
        world,
        CloudflareEdge(CloudflareApi(web, world.clock), settings.server_id, web, settings.cloudflared_metrics),
        build_tunnel_process(settings),
    )
    runner = Runner(world)
    worker = Worker(world, runner)
    reconciler = Reconciler(world, worker.wake, worker.settled)
    requests = Requests(world, runner, worker, reconciler.put_routes)
    previews, code_host = PreviewRequests(world, requests), GithubCodeHost(github)
    engine = Engine(
        settings=settings,
        requests=requests,
        queries=Queries(world),
        domains=Domains(world, reconciler.put_routes),
        processes=Processes(world, worker),
        one_offs=OneOffRuns(world, CleanOneOffs(build_one_offs(settings), redactors)),
        previews=previews,
        webhooks=Webhooks(world, previews, code_host, webhook_secrets(settings)),
        keyless=Keyless(world, store, code_host, OpenidIdentities(Keys(settings.oidc_issuer, web, world.clock))),
        config_files=ConfigFiles(world, requests),
        recipients=Recipients(world),
        tokens=Tokens(world),
        registries=Registries(world),
        observations=Observations(world),
        notifications=Notifications(world, courier),
        posthog=PosthogLink(world),
        edge=edge,
    )
    return Server(
        settings=settings, store=store, router=router, web=web, encrypted=encrypted, world=world, worker=worker,
        reconciler=reconciler, liveness=Liveness(world), courier=courier, reaper=Reaper(world, previews, code_host),
        edge=edge, engine=engine, redactors=redactors,
    )  # fmt: skip


def build_router(settings: Settings) -> HaproxyRouter:
    """The router: a unit of its own where the settings name one."""
    unit = settings.router_unit
    return HaproxyRouter(
        directory=settings.data_dir / "router",
        run_dir=settings.run_dir,
        listen=settings.router_listen,
        binary=settings.router_binary,
        clock=SystemClock(),
        front=Front(trusted=settings.trusted_proxies, headers=settings.client_address_headers),
        launcher=AsUnit(Systemctl(runner=SubprocessRunner()), unit) if unit else None,
    )


def build_encrypted(settings: Settings) -> Encrypted:
    """The config vars and keys to services, at rest."""
    keys = KeyFiles(directory=settings.data_dir, write_whole=write_whole)
    config, credentials = settings.data_dir / "config", settings.data_dir / "credentials"
    vault = Vault((config, credentials), keys, SystemClock())
    return Encrypted(vault=vault, config=SopsSecrets(config, vault), credentials=SopsCredentials(credentials, vault))


def build_world(settings: Settings, store: SqliteStore, router: Router, encrypted: Encrypted) -> World:
    """The adapters behind the ports."""
    clock, runner, logs = SystemClock(), SubprocessRunner(), settings.data_dir / "logs"
    auth_file = AuthFile(settings.run_dir / "registries" / "auth.json")
    return World(
        settings=settings,
        clock=clock,
        store=store,
        images=PodmanImages(
            runner=runner,
            server_id=settings.server_id,
            binary=settings.podman_binary,
            skopeo=settings.skopeo_binary,
            auth_file=auth_file,
        ),
        supervisor=build_supervisor(settings, runner, clock),
        router=router,
        prober=HttpProber(),
        secrets=encrypted.config,
        host=LinuxHost(settings.data_dir),
        deploy_log=FileDeployLog(logs),
        access_log=build_access_log(settings, runner, clock),
        outbox=store,
        credentials=encrypted.credentials,
        public=HttpxPublicWeb(),
        registry_logins=PodmanRegistryLogins(runner=runner, auth_file=auth_file, binary=settings.podman_binary),
    )


def build_tunnel_process(settings: Settings) -> TunnelProcess:
    """What runs cloudflared: a unit of its own, or whoever operates the server."""
    if settings.runtime == "podman":
        return TunnelTokenFile(settings.data_dir)
    is_default = settings.data_dir == DEFAULT_DATA_DIR
    return CloudflaredUnit(
        systemctl=Systemctl(runner=SubprocessRunner()),
        name=UNIT if is_default else f"pvdify-cloudflared-{settings.server_id}.service",
        data_dir=settings.data_dir,
        binary=settings.cloudflared_binary,
        metrics=settings.cloudflared_metrics,
    )


def build_outlets(web: Web, clock: Clock, settings: Settings, github: RestApi) -> dict[Channel, Outlet]:
    """How each kind of subscriber is told."""
    return {
        Channel.WEBHOOK: WebhookOutlet(web, clock),
        Channel.SLACK: WebhookOutlet(web, clock, bodies.slack),
        Channel.DISCORD: WebhookOutlet(web, clock, bodies.discord),
        Channel.POSTHOG: PosthogEvents(web, settings.server_id),
        Channel.POSTHOG_ANNOTATIONS: PosthogAnnotations(web),
        Channel.GITHUB: GithubReports(github),
    }


def _github(settings: Settings, web: Web) -> RestApi:
    """GitHub's API, with the token of ``github_token_file`` if there is one. Raises InvalidSetting."""
    file = settings.github_token_file
    return RestApi(web=web, url=settings.github_api, token=read_secret(file, "github_token_file") if file else None)


def build_access_log(settings: Settings, runner: CommandRunner, clock: Clock) -> AccessLog:
    """Where the router's lines go: to the journal if it is a unit, else to its file."""
    if settings.router_unit:
        return AccessLogJournal(settings.router_unit, runner=runner, clock=clock)
    return AccessLogFile(settings.data_dir / "router", clock=clock)


def build_one_offs(settings: Settings) -> OneOffs:
    """What runs commands for people who watch."""
    calls = Calls(
        runner=SubprocessRunner(), server_id=settings.server_id, launcher_dir=settings.data_dir / "logs",
        binary=settings.podman_binary,
    )  # fmt: skip
    return PodmanOneOffs(calls=calls, attach=attach, run_dir=settings.run_dir)


def build_supervisor(settings: Settings, runner: CommandRunner, clock: Clock) -> Supervisor:
    """What keeps instances running: a unit each, or podman alone."""
    server, run_dir, logs = settings.server_id, settings.run_dir, settings.data_dir / "logs"
    calls = Calls(runner=runner, server_id=server, launcher_dir=logs, binary=settings.podman_binary)
    if settings.runtime == "podman":
        return PodmanSupervisor(calls=calls, run_dir=run_dir, log_dir=logs, clock=clock)
    systemctl = Systemctl(runner=runner)
    return SystemdSupervisor(
        containers=PodmanContainers(calls=calls, run_dir=run_dir, clock=clock),
        systemctl=systemctl,
        units=Units(server_id=server, run_dir=run_dir),
        journal=Journal(runner=runner, systemctl=systemctl, server_id=server, log_dir=logs, clock=clock),
        run_dir=run_dir,
        server_id=server,
    )
