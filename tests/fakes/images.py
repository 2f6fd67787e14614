"""Image storage and registries in memory."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pvdify.errors import ImageNotFound, PvdifyError, RegistryDenied, RegistryUnavailable, RuntimeUnavailable
from pvdify.model.image import ImagesOnDisk, LocalImage
from pvdify.model.image_reference import ImageReference, parse_image_reference
from pvdify.model.tenant import Tenant


@dataclass(kw_only=True)
class FakeRegistry:
    """All registries; ``offline`` and ``denying`` name hosts."""

    offline: set[str] = field(default_factory=set)
    denying: set[str] = field(default_factory=set)
    _tags: dict[str, str] = field(default_factory=dict)
    _images: dict[tuple[str, str], LocalImage] = field(default_factory=dict)
    _counter: "itertools.count[int]" = field(default_factory=itertools.count)

    def push(
        self,
        reference: str,
        *,
        content: str | None = None,
        size: int = 40_000_000,
        exposed_ports: tuple[int, ...] = (),
        command: tuple[str, ...] = (),
        volumes: tuple[str, ...] = (),
        runs_here: bool = True,
    ) -> LocalImage:
        """Push an image, moving the tag to it. Equal ``content`` is the same image; without, each push is a new one."""
        parsed = parse_image_reference(reference)
        seed = content if content is not None else f"push {next(self._counter)}"
        image = LocalImage(
            image_id=_sha256(f"config of {seed}"),
            digest=f"sha256:{_sha256(f'manifest of {seed}')}",
            size=size,
            exposed_ports=exposed_ports,
            command=command,
            volumes=volumes,
            architecture="amd64" if runs_here else "arm64",
            runs_here=runs_here,
            machine="amd64",
        )
        self._images[parsed.repository, image.digest] = image
        self._tags[f"{parsed.repository}:{parsed.tag}"] = image.digest
        return image

    def delete(self, reference: str) -> None:
        """The registry forgets the tag and what it meant."""
        parsed = parse_image_reference(reference)
        digest = self._tags.pop(f"{parsed.repository}:{parsed.tag}")
        self._images.pop((parsed.repository, digest), None)

    def look_up(self, reference: ImageReference, digest: str | None = None) -> LocalImage:
        """What the reference means. Raises as the port does."""
        if reference.host in self.offline:
            raise RegistryUnavailable(
                f"{reference.host} does not answer", why="connection refused", next="try again when it is back"
            )
        if reference.host in self.denying:
            raise RegistryDenied(
                f"{reference.host} does not give {reference} to this server",
                why="unauthorized",
                next=f"`pvdify registry:login {reference.host} -u USER`",
            )
        wanted = digest or reference.digest or self._tags.get(f"{reference.repository}:{reference.tag}")
        image = self._images.get((reference.repository, wanted or ""))
        if image is None:
            raise ImageNotFound(f"{reference} does not exist", why="manifest unknown", next="push it first")
        return image


class FakeImages:
    """This host's storage; shared between a daemon and its successor.

    Args:
        registry: what ``resolve`` and ``pull`` ask.
        is_used: whether a container is made of this image id (``FakeSupervisor.uses_image``).
    """

    def __init__(self, *, registry: FakeRegistry | None = None, is_used: Callable[[str], bool] | None = None) -> None:
        self.registry = registry or FakeRegistry()
        self.pulled: list[str] = []
        self.tenants: list[Tenant | None] = []
        self._is_used = is_used or (lambda _: False)
        self._stored: dict[str, LocalImage] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._local_tags: dict[str, str] = {}
        self._pins: dict[tuple[str, int], str] = {}
        self._faults: list[tuple[str, PvdifyError]] = []

    def on(self, runtime: str) -> "FakeImages":
        del runtime
        return self

    def load(self, reference: str, image: LocalImage) -> None:
        """Put an image into storage under a local name (``localhost/...``), as a build here would."""
        parsed = parse_image_reference(reference)
        self._stored[image.image_id] = image
        self._local_tags[f"{parsed.repository}:{parsed.tag}"] = image.image_id
        self._names[parsed.repository, image.digest] = image.image_id

    def lose(self, image_id: str) -> None:
        """Remove the image by force, as another program does."""
        self._stored.pop(image_id)
        self._names = {name: held for name, held in self._names.items() if held != image_id}
        self._local_tags = {tag: held for tag, held in self._local_tags.items() if held != image_id}
        self._pins = {pin: held for pin, held in self._pins.items() if held != image_id}

    def fail_next(self, verb: str, error: PvdifyError) -> None:
        """The next call of this verb raises."""
        self._faults.append((verb, error))

    @property
    def stored(self) -> frozenset[str]:
        """Ids of all images on this host."""
        return frozenset(self._stored)

    async def resolve(self, reference: ImageReference, tenant: Tenant | None = None) -> str:
        self._fail("resolve")
        self.tenants.append(tenant)
        if not reference.is_local:
            return self.registry.look_up(reference).digest
        image = self._local(reference)
        if image is None:
            raise ImageNotFound(f"{reference} is not on this server", next="build or load it there first")
        return image.digest

    async def find(self, reference: ImageReference, digest: str) -> LocalImage | None:
        self._fail("find")
        return self._stored.get(self._names.get((reference.repository, digest), ""))

    async def download_size(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> int | None:
        self._fail("download_size")
        return None if reference.is_local else self.registry.look_up(reference, digest).size // 2

    async def pull(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> LocalImage:
        self._fail("pull")
        stored = await self.find(reference, digest)
        if stored:
            return stored
        if reference.is_local:
            raise ImageNotFound(f"{reference} is not on this server", next="build or load it there first")
        image = self.registry.look_up(reference, digest)
        self.pulled.append(f"{reference.repository}@{digest}")
        self._stored[image.image_id] = image
        self._names[reference.repository, digest] = image.image_id
        return image

    async def get(self, image_id: str) -> LocalImage | None:
        self._fail("get")
        return self._stored.get(image_id)

    async def keep(self, image_id: str, app: str, release: int) -> None:
        self._fail("keep")
        if image_id not in self._stored:
            raise RuntimeUnavailable("podman failed", why=f"{image_id}: image not known")
        self._pins[app, release] = image_id

    async def kept(self, app: str) -> frozenset[int]:
        self._fail("kept")
        return frozenset(release for owner, release in self._pins if owner == app)

    async def disk(self) -> dict[str, ImagesOnDisk]:
        self._fail("disk")
        found: dict[str, set[str]] = {}
        for (app, _), image_id in self._pins.items():
            found.setdefault(app, set()).add(image_id)
        users = Counter(image_id for ids in found.values() for image_id in ids)
        size = {image_id: image.size for image_id, image in self._stored.items()}
        return {
            app: ImagesOnDisk(
                images=len(ids),
                size=sum(size[it] for it in ids),
                shared=sum(size[it] for it in ids if users[it] > 1),
            )
            for app, ids in found.items()
        }

    async def release(self, app: str, release: int) -> None:
        self._fail("release")
        image_id = self._pins.pop((app, release), None)
        if image_id is None or image_id in self._pins.values() or image_id in self._local_tags.values():
            return
        if not self._is_used(image_id):
            self.lose(image_id)

    def _local(self, reference: ImageReference) -> LocalImage | None:
        if reference.digest:
            return self._stored.get(self._names.get((reference.repository, reference.digest), ""))
        return self._stored.get(self._local_tags.get(f"{reference.repository}:{reference.tag}", ""))

    def _fail(self, verb: str) -> None:
        for index, (wanted, error) in enumerate(self._faults):
            if wanted == verb:
                del self._faults[index]
                raise error


class FakeClusterImages(FakeImages):
    """Images that the nodes of a cluster pull: their ids are their names there, and none is of this machine alone."""

    async def pull(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> LocalImage:
        if reference.is_local:
            raise ImageNotFound(f"{reference} is not in a registry", next="push it to one that the nodes reach")
        image = await super().pull(reference, digest, tenant)
        named = replace(image, image_id=str(reference.pinned(digest)))
        self._stored.pop(image.image_id, None)
        self._stored[named.image_id] = named
        self._names[reference.repository, digest] = named.image_id
        return named


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
