"""The ``images`` port on podman's storage, with skopeo to ask registries."""

import asyncio
import platform
import re
from collections.abc import Mapping
from pathlib import Path

import structlog

from pvdify.adapters.podman import commands, parse, refusals, registry_errors, storage
from pvdify.adapters.podman.registry_logins import AuthFile
from pvdify.errors import PullFailed, RuntimeUnavailable
from pvdify.model.image import ImagesOnDisk, LocalImage
from pvdify.model.image_reference import ImageReference
from pvdify.ports.command_runner import Argv, CommandRunner, Completed

log = structlog.get_logger()
ASK_SECONDS = 20
PULL_SECONDS = 1800.0
SYNC_SECONDS = 300.0
_UNKNOWN_IMAGE = re.compile(r"image not known|no such image|failed to find image", re.IGNORECASE)


class PodmanImages:
    """Pins are tags ``localhost/pvdify/<server>/<app>:v<release>``: they hold an image when its own tag moves on."""

    def __init__(
        self,
        *,
        runner: CommandRunner,
        server_id: str,
        binary: str = "podman",
        skopeo: str = "skopeo",
        auth_file: AuthFile | None = None,
    ) -> None:
        self._runner = runner
        self._server = server_id
        self._podman = binary
        self._skopeo = skopeo
        self._store = ""
        self._auth_file = auth_file
        self._pinning = asyncio.Lock()

    async def resolve(self, reference: ImageReference) -> str:
        """See the port."""
        if reference.is_local:
            image = await self._inspect(str(reference))
            if image is None:
                raise registry_errors.not_here(reference)
            return image.digest
        if reference.digest:
            # by digest, a registry has nothing to add to what is here
            here = await self.find(reference, reference.digest)
            if here:
                return reference.digest
        question = commands.ask_registry(
            self._skopeo,
            str(_by_one_name(reference)),
            is_loopback=reference.is_loopback,
            seconds=ASK_SECONDS,
            auth_file=self._auth_for(reference),
        )
        done = await self._runner.run(question, timeout=ASK_SECONDS + 10)
        if done.exit_code != 0:
            raise registry_errors.ask_failed(reference, done.stderr, self._username(reference))
        return done.stdout.strip()

    async def find(self, reference: ImageReference, digest: str) -> LocalImage | None:
        """See the port."""
        return await self._inspect(str(reference.pinned(digest)), digest=digest)

    async def download_size(self, reference: ImageReference, digest: str) -> int | None:
        """See the port. A list of images for several platforms leads to the one for this machine."""
        for _ in range(2):
            question = commands.ask_for_manifest(
                self._skopeo, str(reference.pinned(digest)), is_loopback=reference.is_loopback, seconds=ASK_SECONDS,
                auth_file=self._auth_for(reference),
            )  # fmt: skip
            done = await self._runner.run(question, timeout=ASK_SECONDS + 10)
            if done.exit_code != 0:
                return None
            size, of_platform = parse.manifest(done.stdout, machine=platform.machine())
            if size is not None or of_platform is None:
                return size
            digest = of_platform
        return None

    async def pull(self, reference: ImageReference, digest: str) -> LocalImage:
        """See the port."""
        here = await self.find(reference, digest)
        if here:
            return here
        if reference.is_local:
            raise registry_errors.not_here(reference)
        argv = commands.pull_image(
            self._podman, str(reference.pinned(digest)), is_loopback=reference.is_loopback,
            auth_file=self._auth_for(reference),
        )  # fmt: skip
        try:
            done = await self._ask(argv, within=PULL_SECONDS)
        except RuntimeUnavailable as error:
            raise PullFailed(f"{reference} could not be pulled", why=error.what, next=error.next) from error
        if done.exit_code != 0:
            raise registry_errors.pull_failed(reference, done.stderr, self._username(reference))
        await self._bring_to_disk(reference)
        image = await self.find(reference, digest)
        if image is None:
            raise PullFailed(
                f"{reference} could not be pulled", why="it was taken away as soon as it was here", next="deploy again"
            )
        return image

    async def disk(self) -> Mapping[str, ImagesOnDisk]:
        """See the port."""
        store = Path(await self._directory())
        try:
            images, layers = await asyncio.to_thread(_read_lists, store)
            return storage.by_app(images, layers, self._server)
        except (OSError, ValueError) as error:
            raise RuntimeUnavailable(
                f"what images take in {store} cannot be read", why=str(error), next="`podman system df` shows it, too"
            ) from error

    async def _directory(self) -> str:
        if not self._store:
            self._store = (await self._must(commands.ask_for_store(self._podman))).stdout.strip()
        return self._store

    async def _bring_to_disk(self, reference: ImageReference) -> None:
        """podman leaves that to the kernel, for half a minute: a power cut would take the image of a live release."""
        store = await self._directory()
        try:
            done = await self._runner.run(commands.bring_to_disk(store), timeout=SYNC_SECONDS)
        except RuntimeUnavailable as error:
            raise PullFailed(f"{reference} could not be brought to disk", why=error.what, next=error.next) from error
        if done.exit_code != 0:
            raise PullFailed(
                f"{reference} could not be brought to disk",
                why=done.stderr.strip()[:400],
                next=f"see to the disk that {store} is on; then deploy again",
            )

    async def get(self, image_id: str) -> LocalImage | None:
        """See the port."""
        return await self._inspect(image_id)

    async def keep(self, image_id: str, app: str, release: int) -> None:
        """See the port."""
        async with self._pinning:
            await self._must(commands.tag_image(self._podman, image_id, self._pin(app, release)))

    async def kept(self, app: str) -> frozenset[int]:
        """See the port."""
        stem = self._pin(app, 0).removesuffix("0")
        names = [name for image in await self._named(f"{stem}*") for name in image.names]
        numbers = (name.removeprefix(stem) for name in names if name.startswith(stem))
        return frozenset(int(number) for number in numbers if number.isdigit())

    async def release(self, app: str, release: int) -> None:
        """See the port."""
        pin = self._pin(app, release)
        async with self._pinning:
            holder = next((image for image in await self._named(pin) if pin in image.names), None)
            if holder is None:
                return
            await self._must(commands.untag_image(self._podman, holder.id, pin))
            await self._remove_unused(holder.id, tuple(name for name in holder.names if name != pin))

    async def _remove_unused(self, image_id: str, names: tuple[str, ...]) -> None:
        """Remove an image that has neither tags nor containers; names by digest are what pulling it left."""
        digest_names = tuple(name for name in names if "@" in name)
        if len(digest_names) < len(names):
            return
        users = await self._must(commands.list_users_of_image(self._podman, image_id))
        if not users.stdout.strip():
            # should somebody have begun to use it just now, podman refuses, and that is well
            await self._runner.run(commands.remove_images(self._podman, digest_names or (image_id,)))

    async def _inspect(self, name: str, *, digest: str | None = None) -> LocalImage | None:
        done = await self._ask(commands.inspect_image(self._podman, name))
        if done.exit_code != 0:
            if _UNKNOWN_IMAGE.search(done.stderr):
                return None
            raise refusals.unavailable(done)
        return parse.local_image(done.stdout, digest=digest)

    async def _named(self, pattern: str) -> tuple[parse.NamedImage, ...]:
        return parse.named_images((await self._must(commands.list_images(self._podman, pattern))).stdout)

    async def _ask(self, argv: Argv, *, within: float = ASK_SECONDS * 3) -> Completed:
        """Ask podman, once more when a damaged image was in the way and could be removed: it can be pulled again."""
        done = await self._runner.run(argv, timeout=within)
        damaged = refusals.damaged_image(done)
        if damaged is None:
            return done
        log.warning("image.damaged", image=damaged, why="podman or the machine was stopped while it was being stored")
        await self._runner.run(commands.untag_wholly(self._podman, damaged))
        await self._runner.run(commands.remove_images(self._podman, (damaged,)))  # refused while a container has it
        return await self._runner.run(argv, timeout=within)

    async def _must(self, argv: Argv) -> Completed:
        done = await self._ask(argv)
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return done

    def _auth_for(self, reference: ImageReference) -> Path | None:
        return self._auth_file.for_host(reference.host) if self._auth_file else None

    def _username(self, reference: ImageReference) -> str | None:
        return self._auth_file.username(reference.host) if self._auth_file else None

    def _pin(self, app: str, release: int) -> str:
        return f"localhost/pvdify/{self._server}/{app}:v{release}"


def _read_lists(store: Path) -> tuple[str, str]:
    """The storage's lists of images and of layers, whatever its driver is called. Raises OSError."""
    images = next(iter(store.glob("*-images/images.json")), store / "images.json")
    driver = images.parent.name.removesuffix("-images")
    return images.read_text(encoding="utf-8"), (store / f"{driver}-layers" / "layers.json").read_text(encoding="utf-8")


def _by_one_name(reference: ImageReference) -> ImageReference:
    # tools refuse a reference that has both; the digest is the one that counts
    return reference.pinned(reference.digest) if reference.digest else reference
