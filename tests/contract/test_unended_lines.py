"""Contract of the logs of instances, for lines without an end: of podman's files, and of the journal."""

import asyncio
from datetime import timedelta

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.model.instance import LogLine
from tests.contract.supervisor_worlds import PodmanWorld, eventually, make_spec
from tests.support.images import build_image, image_id
from tests.support.podman import missing_for_systemd
from tools.free_port import free_port

RUNTIMES = [pytest.param("podman", marks=pytest.mark.podman), pytest.param("systemd", marks=pytest.mark.systemd)]
GO_ON = "until [ -e /www/go ]; do sleep 0.1; done; "  # waits for ``go_on``
BOTH = f"echo one; printf 'name? '; {GO_ON} echo Ada; printf 'sure? ' >&2; sleep 4; echo no >&2; exec sleep 1000"
DOTS = "for i in $(seq 60); do printf .; sleep 0.1; done; echo done; exec sleep 1000"
LONG = f'printf %s "$(seq -s , 4000)"; {GO_ON} echo end; exec sleep 1000'  # 18,893 characters
MUCH = f"seq 5000; printf 'name? '; {GO_ON} echo Ada; exec sleep 1000"
CUT = f"printf 'caf\\303'; sleep 3; printf '\\251 '; {GO_ON} printf '\\r\\n'; exec sleep 1000"


@pytest.fixture(params=RUNTIMES)
def world(request: pytest.FixtureRequest) -> PodmanWorld:
    server = request.getfixturevalue("real_podman")
    if request.param == "systemd" and (missing := missing_for_systemd()):
        pytest.skip(missing)
    make = server.supervisor if request.param == "podman" else server.systemd_supervisor
    return PodmanWorld(
        successor=make, image_id=image_id(build_image(content="hello")), first_port=free_port(), clock=SystemClock(),
        supervisor=make(),
    )  # fmt: skip


class Follower:
    """Collects the lines of an instance after a moment; by default all."""

    def __init__(self, world: PodmanWorld, name: str, after: LogLine | None = None) -> None:
        self.lines: list[LogLine] = []
        self._world = world
        since = after.at if after is not None else world.clock.now() - timedelta(minutes=1)
        self._task = asyncio.create_task(self._follow(name, since))

    async def until(self, text: str, *, stream: str = "stdout") -> list[tuple[str, str, bool]]:
        """Return the stream and text of each line, and whether it is a part, once this one is there."""

        async def is_there() -> bool:
            if self._task.done():
                self._task.result()
            return any((line.text, line.stream) == (text, stream) for line in self.lines)

        await eventually(self._world, is_there)
        return [(line.stream, line.text, line.is_part) for line in self.lines]

    async def end(self) -> str:
        """Stop, and return everything that was written to stdout; a part is followed by no line break."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return written(self.lines)

    async def _follow(self, name: str, since) -> None:
        async for line in self._world.supervisor.logs.follow([name], since=since):
            self.lines.append(line)


def written(lines: list[LogLine]) -> str:
    return "".join(line.text + ("" if line.is_part else "\n") for line in lines if line.stream == "stdout")


async def tail_until(world: PodmanWorld, name: str, end: str) -> list[LogLine]:
    """Return the newest lines, once the last one has this end."""
    found: list[LogLine] = []

    async def has_end() -> bool:
        found[:] = await world.supervisor.logs.tail([name], 100)
        return bool(found) and found[-1].text.endswith(end)

    await eventually(world, has_end)
    return found


async def go_on(world: PodmanWorld, name: str) -> None:
    (found,) = await world.supervisor.instances.find()
    assert found.name == name
    place = f"/proc/{found.pid}/root/www/go"
    await asyncio.to_thread(lambda: open(place, "w").close())


async def test_a_line_is_followed_in_parts_of_its_stream_each_once(world):
    spec = make_spec(world, BOTH)
    await world.supervisor.instances.start(spec)
    follower = Follower(world, spec.name)

    await follower.until("name? ")
    tail = await tail_until(world, spec.name, "name? ")
    later = Follower(world, spec.name, after=tail[-1])
    await go_on(world, spec.name)
    seen = await follower.until("no", stream="stderr")
    seen_later = await later.until("no", stream="stderr")

    assert [(line.text, line.is_part) for line in tail] == [("one", False), ("name? ", True)]
    rest = [("stdout", "Ada", False), ("stderr", "sure? ", True), ("stderr", "no", False)]
    assert seen == [("stdout", "one", False), ("stdout", "name? ", True), *rest]
    assert seen_later == rest
    await follower.end()
    await later.end()
    whole = await world.supervisor.logs.tail([spec.name], 100)
    assert [line.text for line in whole] == ["one", "name? Ada", "sure? no"]


async def test_dots_are_followed_while_they_are_written(world):
    spec = make_spec(world, DOTS)
    await world.supervisor.instances.start(spec)
    first = Follower(world, spec.name)
    tail = await tail_until(world, spec.name, "............")
    second = Follower(world, spec.name, after=tail[-1])

    async def are_done() -> bool:
        return all(each.lines and each.lines[-1].text.endswith("done") for each in (first, second))

    await eventually(world, are_done)

    parts = len(first.lines)
    assert await first.end() == "." * 60 + "done\n"
    assert written(tail) + await second.end() == "." * 60 + "done\n"
    assert parts > 2


async def test_a_line_longer_than_conmons_buffer_has_its_end_once(world):
    spec, text = make_spec(world, LONG), ",".join(map(str, range(1, 4001)))
    await world.supervisor.instances.start(spec)
    first = Follower(world, spec.name)
    tail = await tail_until(world, spec.name, ",4000")
    second = Follower(world, spec.name, after=tail[-1])

    async def has_all() -> bool:
        return written(first.lines) == text

    await eventually(world, has_all)
    await go_on(world, spec.name)
    await first.until("end")
    await second.until("end")

    assert written(tail) == text
    assert await first.end() == f"{text}end\n"
    assert await second.end() == "end\n"


async def test_an_unended_line_after_much_output_is_shown(world):
    spec = make_spec(world, MUCH)
    await world.supervisor.instances.start(spec)
    follower = Follower(world, spec.name)

    tail = await tail_until(world, spec.name, "name? ")
    history = [line async for batch in world.supervisor.logs.history([spec.name], 10_000) for line in batch]
    await follower.until("name? ")
    await go_on(world, spec.name)
    await follower.until("Ada")

    assert written(tail) == "\n".join(map(str, range(4902, 5001))) + "\nname? "
    assert written(history) == "\n".join(map(str, range(1, 5001))) + "\nname? "
    assert await follower.end() == "\n".join(map(str, range(1, 5001))) + "\nname? Ada\n"


async def test_a_character_that_is_cut_is_shown_when_it_is_whole(world):
    spec = make_spec(world, CUT)
    await world.supervisor.instances.start(spec)
    follower = Follower(world, spec.name)

    await follower.until("caf")
    await follower.until("\N{LATIN SMALL LETTER E WITH ACUTE} ")
    await go_on(world, spec.name)
    await follower.until("")

    assert await follower.end() == "caf\N{LATIN SMALL LETTER E WITH ACUTE} \n"


async def test_an_unended_line_outlives_the_daemon_and_is_gone_with_the_next_run(world):
    spec = make_spec(world, f"printf 'name? '; {GO_ON} exit 3")
    await world.supervisor.instances.start(spec)
    await tail_until(world, spec.name, "name? ")

    await world.lose_daemon()

    assert [line.text for line in await tail_until(world, spec.name, "name? ")] == ["name? "]
    await world.supervisor.instances.remove(spec.name)
    assert [line.text for line in await world.supervisor.logs.tail([spec.name], 10)] == ["name? "]
    await world.supervisor.instances.start(make_spec(world, "echo; echo ready; exec sleep 1000"))
    assert (await tail_until(world, spec.name, "ready"))[-1].text == "ready"
