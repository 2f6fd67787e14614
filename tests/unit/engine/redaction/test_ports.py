"""A whole engine on fakes whose programs print every secret they have."""

import asyncio
from datetime import UTC, datetime

import pytest

from pvdify.engine.redaction.ports import CleanInstanceLogs, CleanInstances
from pvdify.engine.redaction.redactors import Redactors
from pvdify.errors import PvdifyError, StartFailed
from pvdify.model.config import ConfigVar
from pvdify.model.deploy_log import EntryKind
from pvdify.model.event import Event
from pvdify.model.instance import InstanceSpec, Limits, LogLine, Secret
from pvdify.ports.instance_logs import LONGEST_LINE
from tests.fakes.machine import ACTOR, Daemon, Machine

VALUE = "correct-horse-battery"
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
async def daemon() -> Daemon:
    daemon = Machine().daemon()
    await daemon.requests.create_app("shop", ACTOR)
    await daemon.requests.change_config("shop", {"KEY": ConfigVar(value=Secret(VALUE), is_secret=True)}, ACTOR)
    return daemon


async def test_a_deploy_log_is_written_without_secrets(daemon: Daemon) -> None:
    release = await daemon.deploy(image="reg.example.com/shop:v1")
    run_log = daemon.world.deploy_log

    (entry, *_) = await run_log.read("shop", release.version)
    await run_log.append("shop", release.version, type(entry)(at=AT, kind=EntryKind.OUTPUT, text=f"+ curl -u :{VALUE}"))

    written = await daemon.machine.deploy_log.read("shop", release.version)
    assert written[-1].text == "+ curl -u :***"
    assert written[0] is entry


async def test_no_record_keeps_a_secret(daemon: Daemon) -> None:
    event = Event(at=AT, actor="pvdify", action="instance.exited", app="shop", text=f"said {VALUE}")

    await daemon.world.store.save(event)

    (kept, *_) = await daemon.machine.store.events("shop")
    assert kept.text == "said ***"


def line(text: str, *, is_part: bool = False, at: datetime = AT) -> LogLine:
    return LogLine(at=at, instance="pvdify-shop-web-v1-1", stream="stdout", text=text, is_part=is_part)


class Talkative:
    """A supervisor whose programs print their environment."""

    def __init__(self, *lines: str | LogLine) -> None:
        self.lines = tuple(line(it) if isinstance(it, str) else it for it in lines)

    async def start(self, spec: InstanceSpec) -> None:
        cause = OSError("refused")
        raise StartFailed(f"{VALUE} could not", why=f"its last lines: {VALUE}", next="fix it") from cause

    async def tail(self, names: object, lines: int, *, since: object = None) -> tuple[LogLine, ...]:
        return self.lines

    async def follow(self, names: object, *, since: object):  # type: ignore[no-untyped-def]
        for line in self.lines:
            yield line

    async def output(self, name: str, ended: object):  # type: ignore[no-untyped-def]
        yield self.lines

    async def forget(self, app: str) -> None:
        self.forgotten = app


def over(daemon: Daemon, *lines: str | LogLine) -> CleanInstanceLogs:
    redactors = Redactors(daemon.machine.secrets, daemon.machine.store)
    return CleanInstanceLogs(Talkative(*lines), redactors)  # type: ignore[arg-type]


async def test_lines_are_reported_without_secrets(daemon: Daemon) -> None:
    supervisor = over(daemon, "ready", f"KEY={VALUE}")

    tail = await supervisor.tail(["pvdify-shop-web-v1-1"], 10)
    followed = [line async for line in supervisor.follow(["pvdify-shop-web-v1-1"], since=AT)]

    assert [line.text for line in tail] == ["ready", "KEY=***"]
    assert [line.text for line in followed] == ["ready", "KEY=***"]


async def test_a_secret_across_the_pieces_of_a_very_long_line_is_hidden(daemon: Daemon) -> None:
    long = "x" * (LONGEST_LINE - 7)
    supervisor = over(daemon, f"{long}{VALUE[:7]}", f"{VALUE[7:]} and more", "next")

    cleaned = await supervisor.tail(["pvdify-shop-web-v1-1"], 10)

    assert [line.text for line in cleaned] == [long, "*** and more", "next"]


async def test_held_back_text_is_returned_with_the_last_line(daemon: Daemon) -> None:
    piece = "x" * LONGEST_LINE + VALUE[:7]
    supervisor = over(daemon, piece)

    (cleaned,) = await supervisor.tail(["pvdify-shop-web-v1-1"], 10)

    assert cleaned.text == piece


async def test_a_secret_across_the_parts_of_a_line_is_hidden_everywhere(daemon: Daemon) -> None:
    parts = line(f"key {VALUE[:7]}", is_part=True), line(f"{VALUE[7:]}, done")
    supervisor, name = over(daemon, *parts), "pvdify-shop-web-v1-1"

    tail = await supervisor.tail([name], 10)
    followed = [it async for it in supervisor.follow([name], since=AT)]
    output = [it async for batch in supervisor.output(name, asyncio.Event()) for it in batch]

    for cleaned in (tail, followed, output):
        assert [it.text for it in cleaned] == ["key ", "***, done"]


async def test_a_tail_holds_back_a_possible_part_of_a_secret_until_it_is_old(daemon: Daemon) -> None:
    supervisor = over(daemon, line(f"key {VALUE[:7]}", is_part=True, at=datetime.now(UTC)))
    old = over(daemon, line(f"key {VALUE[:7]}", is_part=True))

    (fresh,) = await supervisor.tail(["pvdify-shop-web-v1-1"], 10)
    (cleaned,) = await old.tail(["pvdify-shop-web-v1-1"], 10)

    assert (fresh.text, cleaned.text) == ("key ", f"key {VALUE[:7]}")


async def test_an_error_is_reported_without_secrets_and_keeps_its_cause(daemon: Daemon) -> None:
    instances = CleanInstances(Talkative(), Redactors(daemon.machine.secrets, daemon.machine.store))  # type: ignore[arg-type]
    spec = InstanceSpec(name="pvdify-shop-web-v1-1", app="shop", process="web", slot=1, number=1, image_id="i",
                        limits=Limits(memory=1))  # fmt: skip

    with pytest.raises(PvdifyError) as caught:
        await instances.start(spec)

    error = caught.value
    assert (str(error), error.what, error.why) == ("*** could not", "*** could not", "its last lines: ***")
    assert isinstance(error.__cause__, OSError)


async def test_other_calls_are_passed_to_the_port_unchanged(daemon: Daemon) -> None:
    port = Talkative()
    logs = CleanInstanceLogs(port, Redactors(daemon.machine.secrets, daemon.machine.store))  # type: ignore[arg-type]

    await logs.forget("shop")

    assert port.forgotten == "shop"
