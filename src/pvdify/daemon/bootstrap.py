"""The composition root of pvdifyd: build the adapters and pass them to the engine as its ports.

Besides this package, only ``installation`` imports adapters. It uses them directly, without an engine.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from urllib.parse import urlsplit

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.cloudflare.api import CloudflareApi
from pvdify.adapters.cloudflare.edge import ADDRESS_HEADERS, CloudflareEdge
from pvdify.adapters.files.deploy_log import FileDeployLog
from pvdify.adapters.files.job_log import FileJobLog
from pvdify.adapters.files.reserve import Reserve
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.github.code_host import GithubCodeHost
from pvdify.adapters.github.reports import GithubReports
from pvdify.adapters.github.rest import RestApi
from pvdify.adapters.github.sign_in import GithubSignIn
from pvdify.adapters.haproxy.access_journal import AccessLogJournal
from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.haproxy.config import Front
from pvdify.adapters.haproxy.control_plane import ControlPlane
from pvdify.adapters.haproxy.launchers import AsUnit
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.adapters.http_probe.prober import HttpProber
from pvdify.adapters.httpx2.public import HttpxPublicWeb
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.openid.identities import OpenidIdentities
from pvdify.adapters.openid.keys import Keys
from pvdify.adapters.openid.provider import OpenidProvider
from pvdify.adapters.podman.layers.bounds import Layers
from pvdify.adapters.posthog.outlet import PosthogAnnotations, PosthogEvents
from pvdify.adapters.sops.credentials import SopsCredentials
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.secrets import SopsSecrets
from pvdify.adapters.sops.vault import ENDING, Vault
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.webauthn.passkeys import WebauthnPasskeys
from pvdify.adapters.webhooks import bodies
from pvdify.adapters.webhooks.outlet import WebhookOutlet
from pvdify.daemon.backup_tools import build_backup_tools, build_transfers
from pvdify.daemon.runtime_inputs import RuntimeInputs
from pvdify.daemon.runtimes import build_host, build_options, build_runtime
from pvdify.daemon.secret_files import read_secret
from pvdify.daemon.webhook_secret import webhook_secrets
from pvdify.engine.front_door import Engine
from pvdify.engine.wiring import Wired, build_engine
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.world import World
from pvdify.engine.world.urls import EDGE_KEYS
from pvdify.errors import InvalidSetting
from pvdify.model.database import DatabaseIdentity
from pvdify.model.notice import Channel
from pvdify.plumbing.command_runner import CommandRunner
from pvdify.plumbing.web import Web
from pvdify.ports.access_log import AccessLog
from pvdify.ports.clock import Clock
from pvdify.ports.outlet import Outlet
from pvdify.ports.router import Router
from pvdify.ports.runtime import Runtime
from pvdify.ports.sign_in_provider import SignInProvider
from pvdify.settings import Settings

RESERVE_PAUSE = 60.0


@dataclass(frozen=True, kw_only=True)
class Encrypted:
    """The adapters of data stored in SOPS files."""

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
    wired: Wired

    @property
    def engine(self) -> Engine:
        """The engine that the API and the dashboard call."""
        return self.wired.engine

    def background_work(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return the background work; each coroutine runs until it is canceled."""
        return (*self.wired.background_work(), self._keep_reserve())

    async def _keep_reserve(self) -> None:
        """Re-create the disk space reserve when there is room for it, forever."""
        reserve = Reserve(self.settings.data_dir)
        while True:
            await asyncio.to_thread(reserve.make)
            await asyncio.sleep(RESERVE_PAUSE)


def build_server(settings: Settings, store: SqliteStore, database: DatabaseIdentity, layers: Layers) -> Server:
    """Build all parts around the open database. Starts, opens and writes nothing."""
    router, web, encrypted = build_router(settings), HttpxWeb(), build_encrypted(settings)
    inputs = RuntimeInputs(
        settings=settings, runner=SubprocessRunner(), clock=SystemClock(), web=web, database=database, layers=layers
    )
    runtime = build_runtime(inputs)
    world = build_world(inputs, runtime, store, router, encrypted)
    wired = build_engine(world, build_outside(inputs, runtime, store, web))
    return Server(settings=settings, store=store, router=router, web=web, encrypted=encrypted, wired=wired)


def build_router(settings: Settings) -> HaproxyRouter:
    """Build the router, as a unit if the settings name one. The headers that it trusts depend on the edge."""
    unit, edge = settings.router_unit, settings.data_dir / "credentials" / f"{EDGE_KEYS}{ENDING}"

    def front() -> Front:
        return Front(
            trusted=settings.trusted_proxies,
            headers=settings.address_headers(ADDRESS_HEADERS if edge.exists() else ()),
            has_http2=settings.router_http2 == "on",
        )

    return HaproxyRouter(
        directory=settings.data_dir / "router",
        run_dir=settings.router_run_dir,
        listen=settings.router_listen,
        binary=settings.router_binary,
        clock=SystemClock(),
        front=front,
        control_plane=build_control_plane(settings),
        launcher=AsUnit(Systemctl(runner=SubprocessRunner()), unit) if unit else None,
    )


def build_control_plane(settings: Settings) -> ControlPlane | None:
    """Return the address to which the router forwards API requests; None if the API is not exposed."""
    if not settings.is_api_exposed:
        return None
    public = urlsplit(settings.audience)
    return ControlPlane(
        hostname=public.hostname or "", prefix=public.path, listen=settings.listen.from_here,
        has_dashboard=settings.has_public_dashboard,
    )  # fmt: skip


def build_encrypted(settings: Settings) -> Encrypted:
    """Build the encrypted storage of config vars and credentials."""
    keys = KeyFiles(directory=settings.data_dir, write_whole=write_whole)
    config, credentials = settings.data_dir / "config", settings.data_dir / "credentials"
    vault = Vault((config, credentials), keys, SystemClock())
    return Encrypted(vault=vault, config=SopsSecrets(config, vault), credentials=SopsCredentials(credentials, vault))


def build_world(
    inputs: RuntimeInputs, runtime: Runtime, store: SqliteStore, router: Router, encrypted: Encrypted
) -> World:  # fmt: skip
    """Build the adapters behind the ports that many parts of the engine use."""
    settings = inputs.settings
    return World(
        settings=settings,
        clock=inputs.clock,
        store=store,
        images=runtime.images,
        instances=runtime.instances,
        container_changes=runtime.container_changes,
        layer_bound=inputs.layers.bound,
        instance_logs=runtime.logs,
        networks=runtime.networks,
        places=runtime.places,
        inspector=runtime.inspector,
        volumes=runtime.volumes,
        volume_transfers=build_transfers(inputs),
        disk_meter=runtime.disk_meter,
        private_networks=runtime.private_networks,
        inside=runtime.inside,
        registry_logins=runtime.registry_logins,
        router=router,
        prober=HttpProber(),
        secrets=encrypted.config,
        host=build_host(settings),
        deploy_log=FileDeployLog(inputs.log_dir),
        job_log=FileJobLog(inputs.log_dir),
        former_names=inputs.former_names,
        access_log=build_access_log(settings, inputs.runner, inputs.clock),
        outbox=store,
        credentials=encrypted.credentials,
        public=HttpxPublicWeb(),
    )


def build_outside(inputs: RuntimeInputs, runtime: Runtime, store: SqliteStore, web: Web) -> Outside:
    """Build the adapters behind the ports that only one part of the engine uses. Raises InvalidSetting."""
    settings, clock, github = inputs.settings, inputs.clock, _github(inputs.settings, web)
    return Outside(
        one_offs=runtime.one_offs,
        inside=runtime.inside,
        edge=CloudflareEdge(CloudflareApi(web, clock), settings.server_id, web, settings.cloudflared_metrics),
        tunnel_process=runtime.tunnel_process,
        code_host=GithubCodeHost(github),
        identities=OpenidIdentities(Keys(settings.oidc_issuer, web, clock)),
        links=store,
        people=store,
        samples=store,
        sign_in_provider=build_sign_in_provider(settings, web, clock),
        passkey_checks=WebauthnPasskeys(),
        runtime_options=build_options(inputs),
        outlets=build_outlets(web, clock, settings, github),
        webhook_secrets=webhook_secrets(settings),
        backup_tools=build_backup_tools(inputs),
    )


def build_outlets(web: Web, clock: Clock, settings: Settings, github: RestApi) -> dict[Channel, Outlet]:
    """Return the outlet of each notification channel."""
    return {
        Channel.WEBHOOK: WebhookOutlet(web, clock),
        Channel.SLACK: WebhookOutlet(web, clock, bodies.slack),
        Channel.DISCORD: WebhookOutlet(web, clock, bodies.discord),
        Channel.POSTHOG: PosthogEvents(web, settings.server_id),
        Channel.POSTHOG_ANNOTATIONS: PosthogAnnotations(web),
        Channel.GITHUB: GithubReports(github),
    }


def _github(settings: Settings, web: Web) -> RestApi:
    """Build the client of GitHub's API, with the token of ``github_token_file`` if set. Raises InvalidSetting."""
    file = settings.github_token_file
    return RestApi(web=web, url=settings.github_api, token=read_secret(file, "github_token_file") if file else None)


def build_sign_in_provider(settings: Settings, web: Web, clock: Clock) -> SignInProvider | None:
    """Return the provider of accounts for signing in; None if none is set. Raises InvalidSetting."""
    if not settings.sign_in_with:
        return None
    if not settings.sign_in_client_id or not settings.sign_in_client_secret_file:
        raise InvalidSetting(
            f"people cannot sign in with {settings.sign_in_with}",
            why="sign_in_client_id or sign_in_client_secret_file is not set",
            next="register this server with the provider, and set both to what it gives you",
        )
    client = settings.sign_in_client_id
    secret = read_secret(settings.sign_in_client_secret_file, "sign_in_client_secret_file")
    if settings.sign_in_with == "github":
        return GithubSignIn(settings.github_api, client, secret, web)
    return OpenidProvider(settings.sign_in_with, client, secret, web, clock)


def build_access_log(settings: Settings, runner: CommandRunner, clock: Clock) -> AccessLog:
    """Return the reader of the router's access log: the journal if the router is a unit, else its file."""
    if settings.router_unit:
        return AccessLogJournal(settings.router_unit, runner=runner, clock=clock)
    return AccessLogFile(settings.data_dir / "router", clock=clock, largest=settings.keep_access_log)
