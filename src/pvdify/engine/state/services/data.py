"""The data of services as streams: a dump, and a restore into another service."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

from pvdify.engine.state.services.commands import LONG, ServiceCommands
from pvdify.errors import BackupDamaged, ServiceFailed
from pvdify.model.service import PASSWORD, Service, major_of
from pvdify.model.service_dump import LONGEST, Seal, Sealing, Unsealing, read_tally, shortfall, write_seal
from pvdify.model.service_kinds import Words
from pvdify.ports.secrets import Secrets

TALLY = "="  # marks each line of stderr that has a count


class StoredDump:
    """A dump that is read from the backup target. ``seal``: the dump's seal; None until all of the dump was read."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self.seal: Seal | None = None

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the dump without its seal. If the dump is incomplete, raises BackupDamaged before the last piece."""
        unsealing = Unsealing()
        async for piece in self._source:
            if sure := unsealing.add(piece):
                yield sure
        rest, seal = unsealing.end()
        yield rest
        self.seal = seal


class SealedDump:
    """A dump that is sent to the backup target. ``seal``: the dump's seal; None until all of the dump was read."""

    def __init__(self, source: AsyncIterator[bytes], said: bytearray, service: Service, version: str) -> None:
        self._source = source
        self._said = said
        self._service = service
        self._version = version
        self.seal: Seal | None = None

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the dump, then its seal. Raises ServiceFailed, NothingRuns, RuntimeUnavailable."""
        sealing = Sealing()
        async for piece in self._source:
            yield sealing.add(piece)
        tally = read_tally(self._said.decode(errors="replace"), mark=TALLY)
        self.seal = sealing.seal(self._service.kind, self._version, tally)
        yield write_seal(self.seal)


class ServiceData:
    """Dumps, restores and counts data with the commands of each kind of service.

    If a dump command fails half-way, the iteration raises after the last piece. A reader must discard the dump unless
    the iteration ended without an error.
    """

    def __init__(self, *, commands: ServiceCommands, secrets: Secrets) -> None:
        self._commands, self._secrets = commands, secrets

    async def dump(self, service: Service, said: bytearray | None = None) -> AsyncGenerator[bytes, None]:
        """Yield a dump of all data of the service. ``said``: receives the end of the command's stderr.

        Raises ServiceFailed, NothingRuns, RuntimeUnavailable.
        """
        words = _known(service, service.row.dump, "dump")

        def note(piece: bytes) -> None:
            if said is not None:
                said[:] = (said + piece)[-LONGEST:]

        async with aclosing(self._commands.stream(service, words, _nothing(), note=note)) as pieces:
            async for piece in pieces:
                yield piece

    def sealed(self, service: Service, version: str) -> SealedDump:
        """Return a dump that ends with a seal: kind, version and counts."""
        said = bytearray()
        return SealedDump(self.dump(service, said), said, service, version)

    async def restore(self, service: Service, pieces: AsyncIterator[bytes], *, generation: int | None = None) -> None:
        """Restore a dump into a new, empty service. An incomplete dump is an error.

        Raises ServiceFailed, NothingRuns, RuntimeUnavailable.
        """
        words = _known(service, service.row.restore, "restore")
        async with aclosing(self._commands.stream(service, words, pieces, generation=generation)) as output:
            async for _ in output:
                pass

    async def restore_stored(self, service: Service, stored: StoredDump) -> Mapping[str, int]:
        """Restore a dump into a new, empty service, compare the counts with the dump's seal, and return the counts.

        Afterwards the service has its own password, not the password from the dump. Raises BackupDamaged and as
        ``restore``.
        """
        await self.restore(service, stored.pieces())
        await self.take_password(service)
        found = read_tally(await self.count(service))
        lacks = shortfall(stored.seal, found) if stored.seal else "its end was not read"
        if lacks:
            raise BackupDamaged(
                f"the service {service.name} was not restored", why=f"not all of it was restored: {lacks}",
                next="`pvdify backups` shows older backups; `--backup ID` chooses one",
            )  # fmt: skip
        return found

    async def count(self, service: Service, *, generation: int | None = None) -> str:
        """Return counts as text, such as one line per table with its rows. Services with equal data have equal texts.

        Raises ServiceFailed, NothingRuns, RuntimeUnavailable.
        """
        words = _known(service, service.row.count, "count")
        return (await self._commands.ask(service, words, generation=generation, within=LONG)).strip()

    async def version(self, service: Service) -> str:
        """Return the major version of the running program; "" if its kind cannot report it. Raises as ``count``."""
        words = service.row.version
        return major_of(await self._commands.ask(service, words)) if words is not None else ""

    async def take_password(self, service: Service) -> None:
        """Set the service's own password again after a restore: the dump contains its source's. Raises as ``count``."""
        values = await self._secrets.read(service.key, service.config_version)
        if service.row.rotate is not None and PASSWORD in values:
            password = f"{values[PASSWORD].value}\n".encode()
            await self._commands.ask(service, service.row.rotate, stdin=password)


def _known(service: Service, words: Words | None, verb: str) -> Words:
    if words is None:
        raise ServiceFailed(
            f"the service {service.name} has no {verb}",
            why=f"services of the kind {service.kind} have no command for it",
            next=f"its volume can be copied while it is stopped; `pvdify services:info {service.name}` names it",
        )
    return words


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""
