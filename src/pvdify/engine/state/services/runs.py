"""The container of a service: its image, start, stop and health."""

from dataclasses import replace

from pvdify.engine.running.pinning import pinned
from pvdify.engine.state.services.commands import ServiceCommands
from pvdify.engine.world.runtimes import runtime_of_services
from pvdify.errors import NotEnoughDisk, PvdifyError, ServiceFailed, WrongPlatform
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.image import LocalImage
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import InstanceSpec
from pvdify.model.private_network import PrivateNetwork
from pvdify.model.service import Service, ServiceState, container_name, service_spec
from pvdify.model.token import PVDIFY
from pvdify.ports.clock import Clock
from pvdify.ports.host import Host
from pvdify.ports.images import Images
from pvdify.ports.inspector import Inspector
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.private_networks import PrivateNetworks
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.quantities import format_bytes
from pvdify.settings import Settings

PROVEN_WITHIN = 180.0  # seconds for a new container to answer
ASK_EVERY = 0.5  # seconds between two health checks of a new container


class ServiceRuns:
    """Operations on containers that creating, restarting and upgrading a service share."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, host: Host, images: Images, inspector: Inspector, instance_logs: InstanceLogs,
        instances: Instances, private_networks: PrivateNetworks, secrets: Secrets, settings: Settings, store: Store,
        commands: ServiceCommands,
    ) -> None:  # fmt: skip
        self._clock, self._host, self._images, self._inspector = clock, host, images, inspector
        self._instance_logs, self._instances = instance_logs, instances
        self.commands = commands
        self._private_networks, self._secrets, self._settings = private_networks, secrets, settings
        self._store = store

    async def networks_of(self, service: Service) -> tuple[PrivateNetwork, ...]:
        """Return the private networks of the service's links. Raises StoreUnavailable."""
        return tuple(link.network for link in await self._store.service_links(service=service.id))

    async def spec_of(self, service: Service, *, is_linked: bool = True) -> InstanceSpec:
        """Return the specification of the service's container. Raises StoreUnavailable, SecretsLocked."""
        values = await self._secrets.read(service.key, service.config_version)
        spec = service_spec(service, values, await self.networks_of(service) if is_linked else ())
        return replace(spec, runtime=await runtime_of_services(self._store, self._settings))

    async def fetch(self, service: Service, image: str) -> Service:
        """Pull the image unless this host has it, keep it from pruning, and return the service with the image.

        Raises NotEnoughDisk, WrongPlatform, and as pulling an image.
        """
        images, reference = self._images, parse_image_reference(image)

        async def bring() -> LocalImage:
            digest = await images.resolve(reference)
            found = await images.find(reference, digest)
            if found is None:
                await self.check_room(service, await images.download_size(reference, digest) or 0)
                found = await images.pull(reference, digest)
            _check_platform(service, image, found)
            return found

        found = await pinned(images, service.key, service.generation, image, bring)
        return replace(service, image=image, image_id=found.image_id, digest=found.digest)

    async def check_room(self, service: Service, needed: int) -> None:
        """Raise NotEnoughDisk unless this many more bytes fit on the disk besides the setting ``min_free_disk``."""
        free, least = (await self._host.capacity()).free_disk, self._settings.min_free_disk
        if free is not None and free < needed + least:
            raise NotEnoughDisk(
                f"the service {service.name} needs {format_bytes(needed + least)} of disk; "
                f"{format_bytes(free)} are free",
                why=f"{format_bytes(needed)} for its image or a copy of its data, and {format_bytes(least)} must stay "
                "free (the setting min_free_disk)",
                next="make room on the server (`pvdify status` shows the disk use of each app), then try again",
            )

    async def start(self, service: Service, *, is_linked: bool = True) -> None:
        """Start the container. Raises StartFailed, RuntimeUnavailable, StoreUnavailable, SecretsLocked."""
        service = await self._with_image(service)
        await self._instances.start(await self.spec_of(service, is_linked=is_linked))

    async def _with_image(self, service: Service) -> Service:
        """Pull the image of the service by digest if this host lacks it, as on a server that was restored."""
        images = self._images
        if await images.get(service.image_id) is not None:
            return service
        reference = parse_image_reference(service.image)

        async def bring() -> LocalImage:
            return await images.find(reference, service.digest) or await images.pull(reference, service.digest)

        found = await pinned(images, service.key, service.generation, service.image, bring)
        return replace(service, image_id=found.image_id)

    async def stop(self, service: Service) -> None:
        """Stop and remove the container. The data stays. Raises RuntimeUnavailable."""
        await self._instances.stop(service.container, service.row.stop_timeout)
        await self._instances.remove(service.container)

    async def refresh(self, service: Service) -> None:
        """Update the specification for the container's next start, and connect a running container to its networks."""
        spec = await self.spec_of(service)
        await self._instances.refresh(spec)
        if await self._instances.is_running(spec.name):
            for network in spec.networks:
                await self._private_networks.connect(spec.name, network)

    async def ask(self, service: Service) -> str:
        """Check the service's health; return the problem, or "". Raises RuntimeUnavailable."""
        if service.row.health is None:
            found = await self._inspector.listeners(service.container)
            listens = any(it.port == service.port and not it.is_loopback_only for it in found)
            return "" if listens else f"nothing listens on port {service.port}"
        try:
            await self.commands.ask(service, service.row.health)
        except PvdifyError as error:
            if not isinstance(error, ServiceFailed) and await self._instances.is_running(service.container):
                raise
            return error.why or error.what
        return ""

    async def prove(self, service: Service) -> None:
        """Wait up to 180 s until the service is healthy. Raises ServiceFailed, RuntimeUnavailable."""
        clock, supervisor = self._clock, self._instances
        deadline, why = clock.monotonic() + PROVEN_WITHIN, "it has not started"
        while clock.monotonic() < deadline:
            if await supervisor.is_running(service.container):
                if not (why := await self.ask(service)):
                    return
            elif ended := await self.ending_of(service):
                why = ended
                break
            await clock.sleep(ASK_EVERY)
        lines = await self._instance_logs.tail((service.container,), 3)
        said = "; ".join(line.text for line in lines)
        raise ServiceFailed(
            f"the service {service.name} does not answer with {service.image}",
            why=f"{why}{f'. Its last lines: {said}' if said else ''}",
            next=f"`pvdify services:logs {service.name}` shows what it wrote",
        )

    async def ending_of(self, service: Service) -> str:
        """Return how the service's container ended; "" while it runs or if there is none."""
        name = container_name(service, service.generation)
        found = [it for it in await self._instances.find(service.key) if it.name == name]
        return str(found[0].exit) if found and found[0].exit is not None else ""

    async def note(self, service: Service, action: Action, text: str = "", by: str = PVDIFY.name) -> None:
        """Save the service together with an event about it."""
        await self._store.save(service, self.event(service, action, text, by))

    def event(self, service: Service, action: Action, text: str = "", by: str = PVDIFY.name) -> Event:
        """Return an event about a service at the current time."""
        words = f"{service.name}: {text}" if text else service.name
        return Event(at=self._clock.now(), actor=by, action=action, app=service.key, text=words)

    def now_in(self, service: Service, state: ServiceState, problem: str = "") -> Service:
        """Return the service in this state, with the current time as the start of the state."""
        return service.at(state, self._clock.now(), problem)


def _check_platform(service: Service, image: str, found: LocalImage) -> None:
    if not found.runs_here:
        raise WrongPlatform(
            f"{image} cannot run on this server, so the service {service.name} was not started",
            why=f"it is built for {found.architecture}; this server is {found.machine}",
            next=f"name an image for linux/{found.machine}",
        )
