"""The engine's public interface for the API and the dashboard."""

from dataclasses import dataclass

from pvdify.engine.access.config_files import ConfigFiles
from pvdify.engine.access.keyless import Keyless
from pvdify.engine.access.passkeys import Passkeys
from pvdify.engine.access.provider_sign_in import ProviderSignIn
from pvdify.engine.access.recipients import Recipients
from pvdify.engine.access.registries import Registries
from pvdify.engine.access.sessions import Sessions
from pvdify.engine.access.tokens import Tokens
from pvdify.engine.access.users import Users
from pvdify.engine.deploys.processes import Processes
from pvdify.engine.deploys.renames import Renames
from pvdify.engine.deploys.requests import Requests
from pvdify.engine.deploys.runtime_moves import RuntimeMoves
from pvdify.engine.deploys.runtime_plan import RuntimePlan
from pvdify.engine.edge.domains import Domains
from pvdify.engine.edge.edge import EdgeKeeper
from pvdify.engine.notifying.notifications import Notifications
from pvdify.engine.notifying.posthog import PosthogLink
from pvdify.engine.previews.previews import PreviewRequests
from pvdify.engine.previews.webhooks import Webhooks
from pvdify.engine.reading.observations import Observations
from pvdify.engine.reading.queries import Queries
from pvdify.engine.reading.samples import Samples
from pvdify.engine.running.one_offs import OneOffRuns
from pvdify.engine.state.backups.backups import Backups
from pvdify.engine.state.jobs.jobs import AppJobs
from pvdify.engine.state.services.links import ServiceLinks
from pvdify.engine.state.services.services import Services
from pvdify.engine.state.volumes import AppVolumes
from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The engine's public objects, one per subject.

    ``requests`` changes apps, releases and config. ``queries`` reads apps, releases and the server.
    """

    settings: Settings
    requests: Requests
    queries: Queries
    domains: Domains
    processes: Processes
    volumes: AppVolumes
    jobs: AppJobs
    backups: Backups
    services: Services
    service_links: ServiceLinks
    one_offs: OneOffRuns
    renames: Renames
    runtime_moves: RuntimeMoves
    runtime_plan: RuntimePlan
    previews: PreviewRequests
    webhooks: Webhooks
    keyless: Keyless
    config_files: ConfigFiles
    recipients: Recipients
    tokens: Tokens
    sessions: Sessions
    users: Users
    provider_sign_in: ProviderSignIn
    passkeys: Passkeys
    registries: Registries
    observations: Observations
    samples: Samples
    notifications: Notifications
    posthog: PosthogLink
    edge: EdgeKeeper
