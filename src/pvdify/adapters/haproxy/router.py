"""The ``router`` port on HAProxy. A change is written to files, then to the running process, and then verified."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.haproxy import asking, commands, config, counters, disk, hold, maps, parse, process, sessions
from pvdify.adapters.haproxy.bundled import bundled_binary
from pvdify.adapters.haproxy.commands import Replaced
from pvdify.adapters.haproxy.config import ConfigSpec, Front
from pvdify.adapters.haproxy.control_plane import ControlPlane
from pvdify.adapters.haproxy.counters import Counts
from pvdify.adapters.haproxy.launchers import InBackground, Launcher, Order
from pvdify.adapters.haproxy.maps import Change, Tables
from pvdify.adapters.haproxy.parse import ProcessInfo, Version
from pvdify.adapters.haproxy.predecessors import Predecessors
from pvdify.adapters.haproxy.runtime_api import RuntimeApi, unavailable
from pvdify.errors import RouterUnavailable, storage_error
from pvdify.model.endpoint import Endpoint
from pvdify.model.names import slot_key
from pvdify.model.probe import ProbeResult
from pvdify.model.route import Route, Routes, TargetCount, Traffic
from pvdify.ports.clock import Clock
from pvdify.settings import Address

_LONGEST_SOCKET_PATH = 90  # bytes; the kernel allows 107, and HAProxy adds a suffix while it replaces the socket
_ANSWERS_WITHIN = 5.0  # seconds after a start
_TRIES_OF_BUSY = 4  # times 5 s, until a process that does not answer counts as dead


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """The program and the configuration that the router should run with."""

    binary: str
    version: Version
    text: str
    fingerprint: str

    def matches(self, found: ProcessInfo) -> bool:
        return found.fingerprint == self.fingerprint and found.version == self.version.text


class HaproxyRouter:
    """Implements ``ports.router.Router``.

    Args:
        directory: configuration, maps and token, on the disk. Only one object at a time may write there.
        run_dir: directory of the command socket, on tmpfs.
        listen: address for visitors' requests.
        binary: path of HAProxy 2.6 or newer; empty: the program that is installed with pvdify.
        clock: time for waits and measurements.
        front: returns the trusted proxies in front of the router. ``ensure_running`` applies changes.
        control_plane: where requests for this server's own API go; None: the router answers them with 404.
        launcher: starts the process; None: in the background.
    """

    def __init__(
        self,
        *,
        directory: Path,
        run_dir: Path,
        listen: Address,
        binary: str,
        clock: Clock,
        front: Callable[[], Front] = Front,
        control_plane: ControlPlane | None = None,
        launcher: Launcher | None = None,
    ) -> None:
        self._front = front
        self._control_plane = control_plane
        self._launcher = launcher or InBackground(directory, listen)
        self._directory = directory
        self._socket = run_dir / "haproxy.sock"
        self._listen = listen
        self._binary = binary
        self._clock = clock
        self._api = RuntimeApi(self._socket)
        self._predecessors = Predecessors()
        self._writing = asyncio.Lock()
        self._started = asyncio.Event()  # set, and renewed, whenever a process starts
        self._tables: Tables | None = None
        self._token = ""

    async def ensure_running(self) -> None:
        """Also replace a process that has another configuration or version. The port stays open meanwhile."""
        async with self._writing:
            self._tables = None
            wanted = await self._wanted()
            found = await self._find_busy()
            if found is None:
                await self._launch(wanted, Order(binary=wanted.binary))
            elif not wanted.matches(found):
                await self._replace(found, wanted)
            await self._predecessors.release()
            await self._put_in_force(maps.repair(await self._in_force(), await self._on_disk()))

    async def wait_died(self) -> None:
        """Return as soon as the process has ended if the kernel has pidfds (5.3), else within 50 ms."""
        while True:
            started = self._started  # read first, so that a start during ``_find`` is not missed
            found = await self._find_busy()
            if found is None:
                return
            await _first(process.wait_died(found.pid, self._clock), started.wait())

    async def routes(self) -> Routes:
        return maps.routes(await self._in_force())

    async def put(self, route: Route) -> None:
        async with self._writing:
            secret = await self._read_token() if route.has_affinity else ""
            await self._apply(maps.put(await self._on_disk(), route, secret))

    async def take_out(self, app: str, slot: int, number: int) -> None:
        async with self._writing:
            await self._apply(maps.take_out(await self._on_disk(), app, slot, number))

    async def forget(self, app: str, slot: int) -> None:
        async with self._writing:
            tables = await self._on_disk()
            targets = maps.targets_of(tables, slot_key(app, slot))
            await self._apply(maps.forget(tables, app, slot))
            await self._clear_counts(targets)

    async def remove(self, app: str) -> None:
        async with self._writing:
            changes = maps.remove(await self._on_disk(), app)
            await self._apply(changes)
            await self._clear_counts([change.key for change in changes if change.map == maps.TARGETS])

    async def traffic(self, app: str, slot: int, number: int | None = None) -> Traffic:
        """Also count requests in flight at replaced processes. Before HAProxy 2.8, ``router_errors`` is always 0."""
        key = slot_key(app, slot)
        targets = maps.targets_of(await self._on_disk(), key)
        if number is not None:
            targets = (maps.target_name(key, number),)
        questions = [commands.show_counts(target) for target in targets]
        if number is not None:  # for a whole slot, a request that was sent again counts only at its first target
            questions += [commands.show_repeated(target) for target in targets]
        rows = [parse.counts(answer) for answer in await self._api.ask_all(questions)]
        return _traffic(rows) + Traffic(in_flight=await self._predecessors.in_flight(questions))

    async def end_requests(self, targets: Collection[Endpoint]) -> int:
        """Also end the requests of replaced processes."""
        found = sessions.to_targets(await self._api.ask(commands.SHOW_SESSIONS), targets)
        answers = await self._api.ask_all([commands.end_session(each) for each in found])
        # HAProxy answers with text if a session has already ended by itself.
        return answers.count("") + await self._predecessors.end_requests(targets)

    async def upgraded(self, targets: Collection[Endpoint]) -> int:
        return len(sessions.upgraded(await self._api.ask(commands.SHOW_SESSIONS), targets))

    async def counts(self) -> tuple[TargetCount, ...]:
        rows = parse.all_counts(await self._api.ask(commands.show_all_counts()))
        return tuple(counters.target_count(target, row) for target, row in sorted(rows.items()))

    async def ask(self, hostname: str, path: str, timeout: float) -> tuple[ProbeResult, str | None]:
        token = await self._read_token()
        return await asking.get(self._listen, hostname, path, token=token, timeout=timeout, clock=self._clock)

    async def api_key(self) -> str:
        token = await self._read_token()
        return config.api_key(token) if token else ""

    async def proof(self, path: str, slot: str) -> bytes:
        return config.proof_of(await self._read_token(), path, slot)

    async def close(self) -> None:
        """Close this object's connections. The router keeps running."""
        await self._predecessors.close()

    async def _read_token(self) -> str:
        """Return the token of the confirm header; "" before the router's first start."""
        if not self._token:
            self._token = await asyncio.to_thread(disk.read_token, self._directory)
        return self._token

    async def _wanted(self) -> _Wanted:
        with _on_files(self._directory):
            self._token = await asyncio.to_thread(disk.prepare, self._directory)
            await asyncio.to_thread(self._socket.parent.mkdir, 0o700, parents=True, exist_ok=True)
        _check_length(self._socket)
        binary = self._binary or bundled_binary()
        version = await _version(binary)
        spec = ConfigSpec(
            bind=self._launcher.bind,
            socket=self._socket,
            token=self._token,
            version=version.number,
            front=self._front(),
            has_lua=version.has_lua,
            control_plane=self._control_plane,
        )
        return _Wanted(binary=binary, version=version, text=config.build(spec), fingerprint=config.fingerprint(spec))

    async def _find_busy(self) -> ProcessInfo | None:
        """Like ``_find``, but give a process that accepts connections and does not answer more time.

        A flood or a busy machine delays its answer while it serves visitors; a restart would only add to that.
        """
        for _ in range(_TRIES_OF_BUSY):
            try:
                return parse.process_info(await self._api.ask(commands.SHOW_INFO))
            except RouterUnavailable as error:
                if not isinstance(error.__cause__, TimeoutError):
                    return None
        return None

    async def _find(self) -> ProcessInfo | None:
        try:
            return parse.process_info(await self._api.ask(commands.SHOW_INFO))
        except RouterUnavailable:
            return None

    async def _replace(self, found: ProcessInfo, wanted: _Wanted) -> None:
        replaced = Replaced(pids=(found.pid,), socket=self._socket)
        is_other_version = found.version != wanted.version.text
        held = await self._api.hold()
        try:
            await self._launch(
                wanted, Order(binary=wanted.binary, replaced=replaced, is_other_version=is_other_version)
            )
        except BaseException:
            await held.close()
            raise
        self._predecessors.add(held)

    async def _launch(self, wanted: _Wanted, order: Order) -> None:
        """Write the configuration, start the process, and wait until it answers on the socket.

        Raises RouterUnavailable if it does not within ``_ANSWERS_WITHIN``.
        """
        with _on_files(self._directory):
            await asyncio.to_thread(disk.write_program, self._directory, wanted.text, hold.script())
            await self._launcher.launch(order)
        deadline = self._clock.monotonic() + _ANSWERS_WITHIN
        while not ((found := await self._find()) and wanted.matches(found)):
            if self._clock.monotonic() > deadline:
                raise unavailable(f"it started, but does not answer on its socket within {_ANSWERS_WITHIN:g} s")
            await self._clock.sleep(0.01)
        self._started.set()
        self._started = asyncio.Event()

    async def _apply(self, changes: Sequence[Change]) -> None:
        before = await self._on_disk()
        after = maps.apply(before, changes)
        touched = dict.fromkeys(change.map for change in changes)
        changed = [name for name in touched if after[name] != before[name]]
        self._tables = None  # unknown until the files are written
        with _on_files(self._directory):
            await asyncio.to_thread(disk.write_tables, self._directory, after, changed)
        self._tables = after
        await self._put_in_force(changes)

    async def _put_in_force(self, changes: Sequence[Change]) -> None:
        found = await self._read_values(changes)
        needed = [(change, value) for change, value in zip(changes, found, strict=True) if value != change.value]
        if not needed:
            return
        acts = [commands.act(change, is_present=value is not None) for change, value in needed]
        answers = await self._api.ask_all([*acts, *map(commands.read, changes)])
        for change, answer in zip(changes, answers[len(acts) :], strict=True):
            if parse.map_value(answer) != change.value:
                refused = " ".join(filter(None, answers[: len(acts)]))
                raise unavailable(f"{change} did not come into force: {refused[:200]}")

    async def _read_values(self, changes: Iterable[Change]) -> list[str | None]:
        return [
            parse.map_value(answer) for answer in await self._api.ask_all([commands.read(each) for each in changes])
        ]

    async def _clear_counts(self, targets: Iterable[str]) -> None:
        await self._api.ask_all([line for target in targets for line in commands.clear_counts(target)])

    async def _in_force(self) -> Tables:
        answers = await self._api.ask_all([commands.show_map(name) for name in maps.MAPS])
        return Tables(
            entries={name: parse.map_entries(answer) for name, answer in zip(maps.MAPS, answers, strict=True)}
        )

    async def _on_disk(self) -> Tables:
        if self._tables is None:
            with _on_files(self._directory):
                self._tables = await asyncio.to_thread(disk.read_tables, self._directory)
        return self._tables


def _traffic(rows: Iterable[Counts]) -> Traffic:
    total = Traffic()
    for row in rows:
        total += Traffic(
            requests=row.requests,
            in_flight=row.in_flight,
            router_errors=max(0, row.errors - row.app_errors),
            app_errors=row.app_errors,
        )
    return total


async def _first(*waits: Coroutine[None, None, object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _version(binary: str) -> Version:
    _, stdout, _ = await process.run(commands.version(binary))
    version = parse.version(stdout)
    if version is None or version.number < config.OLDEST:
        raise RouterUnavailable(
            "the router cannot be started",
            why=f"{binary} is HAProxy {version.text}, which is too old" if version else f"{binary} is not HAProxy",
            next="install HAProxy 2.6 or newer, or correct the setting router_binary (empty: the one of pvdify)",
        )
    return version


def _check_length(socket: Path) -> None:
    if len(str(socket).encode()) > _LONGEST_SOCKET_PATH:
        raise RouterUnavailable(
            "the router cannot be started",
            why=f"{socket} is longer than the {_LONGEST_SOCKET_PATH} characters a socket's path can have",
            next="choose a shorter data directory",
        )


@contextmanager
def _on_files(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_error(
            RouterUnavailable,
            "the router's files cannot be read or written",
            error,
            next=f"free disk space or correct the permissions of {directory}; routes in force stay in force",
        ) from error
