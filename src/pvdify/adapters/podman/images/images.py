"""The ``images`` port on podman's storage; registries are queried over HTTP, and by skopeo if that gives no digest."""

import asyncio
import platform
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from pvdify.adapters.podman import commands, parse, refusals
from pvdify.adapters.podman.images import registry_errors, storage
from pvdify.adapters.podman.images.local_hosts import HostGate
from pvdify.adapters.podman.images.registry_api import RegistryAccess, RegistryApi, Reply
from pvdify.adapters.podman.images.registry_logins import AuthFile
from pvdify.adapters.podman.reading import read
from pvdify.errors import NotAnImage, PullFailed, PvdifyError, RuntimeUnavailable
from pvdify.model.image import ImagesOnDisk, LocalImage
from pvdify.model.image_reference import PINNED, ImageReference
from pvdify.model.tenant import Tenant
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed
from pvdify.ports.clock import Clock

log = structlog.get_logger()
ASK_SECONDS = 20  # the longest a query of a registry may take
NOT_DIRECTLY_FOR = 600.0  # seconds
MOST_REMEMBERED = 1000  # images
PULL_SECONDS = 1800.0  # the longest a pull may take
PULLS = 3  # tries: another app with the same image may be removed between the pull and the look for the image
SYNC_SECONDS = 300.0  # the longest writing an image to disk may take
PINS = f"localhost/{PINNED}"
BINFMT = Path("/proc/sys/fs/binfmt_misc")
TRIES, FIRST_PAUSE = 3, 1.0  # attempts while a registry answers 5xx, and seconds before the second; then threefold
LONGEST_WAIT = 60.0  # seconds; if a registry asks for more in all, the deploy fails
_UNKNOWN_IMAGE = re.compile(r"image not known|no such image|failed to find image", re.IGNORECASE)


class PodmanImages:
    """The images in podman's storage.

    Pins are tags ``localhost/pvdify/<server>/<app>:v<release>``. A pin keeps an image after its own tag has moved.
    ``registry`` resolves tags and finds out why an image cannot be pulled, and ``clock`` waits for a busy registry.
    Without them, skopeo resolves tags, errors are classified by the words of podman and skopeo, and nothing is retried.
    """

    def __init__(
        self,
        *,
        runner: CommandRunner,
        server_id: str,
        binary: str = "podman",
        skopeo: str = "skopeo",
        auth_file: AuthFile | None = None,
        gate: HostGate | None = None,
        registry: RegistryApi | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._runner = runner
        self._server = server_id
        self._podman = binary
        self._skopeo = skopeo
        self._store = ""
        self._auth_file = auth_file
        self._gate = gate or HostGate()
        self._registry, self._clock = registry, clock
        self._pinning = asyncio.Lock()
        self._inspected: dict[str, LocalImage] = {}
        self._not_directly: dict[str, float] = {}  # host -> until when skopeo alone asks it

    def on(self, runtime: str) -> "PodmanImages":
        del runtime
        return self

    async def resolve(self, reference: ImageReference, tenant: Tenant | None = None) -> str:
        if reference.is_local:
            image = await self._inspect(str(reference))
            if image is None:
                raise registry_errors.not_here(reference)
            return image.digest
        if reference.digest and await self._is_own(reference, reference.digest, tenant):
            return reference.digest  # the image is stored, and a digest cannot change in the registry
        await self._gate.check(reference, tenant)
        if (digest := await self._asked_directly(reference, tenant)) is not None:
            return digest
        question = commands.ask_registry(
            self._skopeo,
            str(_by_one_name(reference)),
            is_loopback=reference.is_loopback,
            seconds=ASK_SECONDS,
            auth_file=self._auth_for(reference, tenant),
        )
        done = await self._patiently(reference, tenant, lambda: self._runner.run(question, timeout=ASK_SECONDS + 10))
        if done.exit_code != 0:
            raise registry_errors.ask_failed(reference, done.stderr, self._username(reference, tenant))
        return done.stdout.strip()

    async def _asked_directly(self, reference: ImageReference, tenant: Tenant | None) -> str | None:
        """Return the digest that the registry names over HTTP: without a program, which takes 50 to 90 ms to start.

        Returns None if it names none, as behind a proxy or with a certificate that only skopeo knows; then the host is
        not asked directly again for a while.
        """
        if self._registry is None or self._clock is None:
            return None
        now = self._clock.monotonic()
        if now < self._not_directly.get(reference.host, 0.0):
            return None
        try:
            digest = await self._registry.digest(_by_one_name(reference), self._asker(reference, tenant))
        except PvdifyError:  # a token service that must not be asked from here
            digest = None
        if digest is None:
            self._not_directly = {host: until for host, until in self._not_directly.items() if until > now}
            self._not_directly[reference.host] = now + NOT_DIRECTLY_FOR
        return digest or None

    async def _patiently(
        self, reference: ImageReference, tenant: Tenant | None, work: Callable[[], Awaitable[Completed]]
    ) -> Completed:
        """Call ``work``, and retry while the registry is only busy. Raise the error in the registry's answer.

        Returns the failed result if the registry gives no reason.
        """
        waited, tries = 0.0, 0
        while True:
            done = await work()
            tries += 1
            if done.exit_code == 0 or self._registry is None or self._clock is None:
                return done
            said = await self._registry.ask(reference, self._asker(reference, tenant))
            if said is None:
                return done
            error = registry_errors.of_answer(
                reference, said, self._username(reference, tenant), architecture=parse.architecture(platform.machine())
            )
            is_final = said.status == 200 and error is not None
            pause = None if is_final else pause_before_retry(said, tries)
            if pause is None or waited + pause > LONGEST_WAIT:
                if error is None:
                    return done
                raise error
            log.info("registry.busy", host=reference.host, status=said.status, seconds=pause)
            await self._clock.sleep(pause)
            waited += pause

    def _asker(self, reference: ImageReference, tenant: Tenant | None) -> RegistryAccess:
        async def check_host(host: str) -> None:
            await self._gate.check(replace(reference, host=host), tenant)

        login = self._auth_file.basic(reference.host, _apps(tenant)) if self._auth_file else None
        return RegistryAccess(login=login, check_host=check_host)

    async def find(self, reference: ImageReference, digest: str) -> LocalImage | None:
        name = str(reference.pinned(digest))
        return await self._known(name) or self._remembered(name, await self._inspect(name, digest=digest))

    async def download_size(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> int | None:
        """See the port. In a list for several platforms, the image for this machine counts."""
        for _ in range(2):
            question = commands.ask_for_manifest(
                self._skopeo, str(reference.pinned(digest)), is_loopback=reference.is_loopback, seconds=ASK_SECONDS,
                auth_file=self._auth_for(reference, tenant),
            )  # fmt: skip
            done = await self._runner.run(question, timeout=ASK_SECONDS + 10)
            if done.exit_code != 0:
                return None
            size, of_platform = await sizes_in(done.stdout)
            if size is not None or of_platform is None:
                return size
            digest = of_platform
        return None

    async def pull(self, reference: ImageReference, digest: str, tenant: Tenant | None = None) -> LocalImage:
        here = await self.find(reference, digest)
        if here:
            return here
        if reference.is_local:
            raise registry_errors.not_here(reference)
        await self._gate.check(reference, tenant)
        for _ in range(PULLS):
            await self._download(reference, digest, tenant)
            if image := await self.find(reference, digest):
                return image
        raise PullFailed(
            f"{reference} could not be pulled", why=f"it was removed right after each of {PULLS} pulls",
            next="deploy again",
        )  # fmt: skip

    async def _download(self, reference: ImageReference, digest: str, tenant: Tenant | None) -> None:
        """Pull the image and write it to disk. Raises PullFailed, and the errors of a registry's answer."""
        pinned = reference.pinned(digest)
        argv = commands.pull_image(
            self._podman, str(pinned), is_loopback=reference.is_loopback, auth_file=self._auth_for(reference, tenant)
        )
        try:
            done = await self._patiently(pinned, tenant, lambda: self._ask(argv, within=PULL_SECONDS))
        except RuntimeUnavailable as error:
            raise PullFailed(f"{reference} could not be pulled", why=error.what, next=error.next) from error
        if done.exit_code != 0:
            raise registry_errors.pull_failed(reference, done.stderr, self._username(reference, tenant))
        await self._bring_to_disk(reference)

    async def disk(self) -> Mapping[str, ImagesOnDisk]:
        store = Path(await self._directory())
        try:
            images, layers = await asyncio.to_thread(_read_lists, store)
            return await asyncio.to_thread(storage.by_app, images, layers, self._server)
        except (OSError, ValueError) as error:
            raise RuntimeUnavailable(
                f"the size of the images in {store} cannot be read",
                why=str(error),
                next="`podman system df` shows it, too",
            ) from error

    async def _directory(self) -> str:
        if not self._store:
            self._store = (await self._must(commands.ask_for_store(self._podman))).stdout.strip()
        return self._store

    async def _bring_to_disk(self, reference: ImageReference) -> None:
        """Write the pulled image to disk: the kernel waits half a minute, and a power loss would lose the image."""
        store = await self._directory()
        try:
            done = await self._runner.run(commands.bring_to_disk(store), timeout=SYNC_SECONDS)
        except RuntimeUnavailable as error:
            raise PullFailed(f"{reference} could not be written to disk", why=error.what, next=error.next) from error
        if done.exit_code != 0:
            raise PullFailed(
                f"{reference} could not be written to disk",
                why=done.stderr.strip()[:400],
                next=f"check the disk that {store} is on; then deploy again",
            )

    async def get(self, image_id: str) -> LocalImage | None:
        return await self._known(image_id) or self._remembered(image_id, await self._inspect(image_id))

    async def _known(self, name: str) -> LocalImage | None:
        """Return an image that was inspected under this name or id, if podman's storage still has both, undamaged.

        Reads that list, which takes a millisecond; to ask podman takes 30 to 90. An image never changes.
        """
        known = self._inspected.get(name)
        if known is None:
            return None
        try:
            store = Path(await self._directory())
            names = await asyncio.to_thread(_names_of, store, known.image_id)
        except (OSError, ValueError, RuntimeUnavailable):
            return None
        is_there = names is not None and name in (known.image_id, *names)
        return known if is_there else None

    def _remembered(self, name: str, image: LocalImage | None) -> LocalImage | None:
        self._inspected.pop(name, None)
        if image is not None:
            self._inspected[name] = image
            while len(self._inspected) > MOST_REMEMBERED:
                del self._inspected[next(iter(self._inspected))]
        return image

    async def keep(self, image_id: str, app: str, release: int) -> None:
        async with self._pinning:
            await self._must(commands.tag_image(self._podman, image_id, self._pin(app, release)))

    async def kept(self, app: str) -> frozenset[int]:
        stem = self._pin(app, 0).removesuffix("0")
        names = [name for image in await self._named(f"{stem}*") for name in image.names]
        numbers = (name.removeprefix(stem) for name in names if name.startswith(stem))
        return frozenset(int(number) for number in numbers if number.isdigit())

    async def release(self, app: str, release: int) -> None:
        pin = self._pin(app, release)
        async with self._pinning:
            holder = next((image for image in await self._named(pin) if pin in image.names), None)
            if holder is None:
                return
            await self._must(commands.untag_image(self._podman, holder.id, pin))
            await self._remove_unused(holder.id, tuple(name for name in holder.names if name != pin))

    async def _remove_unused(self, image_id: str, names: tuple[str, ...]) -> None:
        """Remove an image without tags and containers. Names with a digest do not count: each pull makes one."""
        digest_names = tuple(name for name in names if "@" in name)
        if len(digest_names) < len(names):
            return
        users = await self._must(commands.list_users_of_image(self._podman, image_id))
        if not users.stdout.strip():
            # if a container uses the image by now, podman refuses, and the image stays
            await self._runner.run(commands.remove_images(self._podman, digest_names or (image_id,)))

    async def _inspect(self, name: str, *, digest: str | None = None) -> LocalImage | None:
        done = await self._ask(commands.inspect_image(self._podman, name))
        if done.exit_code != 0:
            if _UNKNOWN_IMAGE.search(done.stderr):
                return None
            raise refusals.unavailable(done)
        image, machine = await image_in(name, done.stdout, digest), parse.architecture(platform.machine())
        runs_here = parse.runs_on(image.architecture, machine) or _is_emulated(image.architecture)
        return replace(image, runs_here=runs_here, machine=machine)

    async def _named(self, pattern: str) -> tuple[parse.NamedImage, ...]:
        done = await self._must(commands.list_images(self._podman, pattern))
        return await read(done.stdout, parse.named_images)

    async def _ask(self, argv: Argv, *, within: float = ASK_SECONDS * 3) -> Completed:
        """Run podman; if a damaged image makes it fail, remove that image and run podman again.

        A removed image can be pulled again.
        """
        done = await self._runner.run(argv, timeout=within)
        damaged = refusals.damaged_image(done)
        if damaged is None:
            return done
        log.warning("image.damaged", image=damaged, why="podman or the machine was stopped while storing the image")
        await self._runner.run(commands.untag_wholly(self._podman, damaged))
        await self._runner.run(commands.remove_images(self._podman, (damaged,)))  # refused while a container has it
        return await self._runner.run(argv, timeout=within)

    async def _must(self, argv: Argv) -> Completed:
        done = await self._ask(argv)
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return done

    async def _is_own(self, reference: ImageReference, digest: str, tenant: Tenant | None) -> bool:
        """Return whether the image is stored, and one of the tenant's own apps has it."""
        here = await self.find(reference, digest)
        if here is None or tenant is None:
            return here is not None
        stems = tuple(self._pin(app, 0).removesuffix("0") for app in tenant.apps)
        pinned = await self._named(f"{PINS}/{self._server}/*")
        return any(name.startswith(stems) for it in pinned if it.id == here.image_id for name in it.names)

    def _auth_for(self, reference: ImageReference, tenant: Tenant | None) -> Path | None:
        return self._auth_file.for_host(reference.host, _apps(tenant)) if self._auth_file else None

    def _username(self, reference: ImageReference, tenant: Tenant | None) -> str | None:
        return self._auth_file.username(reference.host, _apps(tenant)) if self._auth_file else None

    def _pin(self, app: str, release: int) -> str:
        return f"{PINS}/{self._server}/{app}:v{release}"


async def image_in(name: str, text: str, digest: str | None = None) -> LocalImage:
    """What ``parse.local_image`` finds; a large one is read in a thread. Raises NotAnImage."""
    try:
        return await read(text, lambda text: parse.local_image(text, digest=digest))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAnImage(
            f"{name} is not an image that can run", why=f"its description of itself is invalid: {error}",
            next="build it with fewer labels, ports and volumes, then deploy again",
        ) from error  # fmt: skip


async def sizes_in(manifest: str) -> tuple[int | None, str | None]:
    """Return the result of ``parse.manifest``; parse a long manifest in a thread."""
    machine = platform.machine()
    return await read(manifest, lambda text: parse.manifest(text, machine=machine))


def _apps(tenant: Tenant | None) -> tuple[str, ...]:
    return tenant.apps if tenant else ()


def pause_before_retry(said: Reply, tries: int) -> float | None:
    """Return the seconds to wait before the next attempt, after ``tries`` attempts; None if no retry is useful."""
    if said.status == 429:  # with "Retry-After: 0", pauses would never add up to LONGEST_WAIT
        return None if said.retry_after is None else max(FIRST_PAUSE, said.retry_after)
    if said.status == 200:
        return FIRST_PAUSE if tries == 1 else None  # the registry works again
    if said.status < 500 or tries >= TRIES:
        return None
    return said.retry_after or FIRST_PAUSE * 3.0 ** (tries - 1)


def _is_emulated(architecture: str) -> bool:
    """Return whether the kernel runs programs of this architecture in an emulator (binfmt_misc)."""
    names = (name for name, image in parse.ARCHITECTURES.items() if image == architecture)
    return any((BINFMT / f"qemu-{name}").exists() for name in (*names, architecture))


def _read_lists(store: Path) -> tuple[str, str]:
    """Return the JSON lists of images and of layers in the storage, for any storage driver. Raises OSError."""
    images = _list_of_images(store)
    driver = images.parent.name.removesuffix("-images")
    return images.read_text(encoding="utf-8"), (store / f"{driver}-layers" / "layers.json").read_text(encoding="utf-8")


def _names_of(store: Path, image_id: str) -> tuple[str, ...] | None:
    """Return the image's names; None if it is not in the list, or its files are damaged. Raises OSError, ValueError."""
    listed = _list_of_images(store)
    names = storage.names_of(listed.read_text(encoding="utf-8"), image_id)
    return names if names is not None and _is_whole(listed.parent / image_id) else None


def _is_whole(directory: Path) -> bool:
    """Whether an image's manifest and configuration are there. A power cut leaves them out, or empty."""
    full = [file.name for file in directory.iterdir() if file.stat().st_size]
    return "manifest" in full and any(name.startswith("=") for name in full)


def _list_of_images(store: Path) -> Path:
    return next(iter(store.glob("*-images/images.json")), store / "images.json")


def _by_one_name(reference: ImageReference) -> ImageReference:
    # podman and skopeo refuse a reference with tag and digest; the digest decides
    return reference.pinned(reference.digest) if reference.digest else reference
