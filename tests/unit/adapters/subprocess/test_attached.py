"""Programs that end while a client reads: nothing of their output is lost, and no reader waits for ever."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from pvdify.adapters.subprocess.attached import OnPipes, OnTerminal, attach
from pvdify.model.one_off import TerminalSize

SIZE = TerminalSize(rows=24, columns=80)
LAST_BYTES = 60_000  # fit into a pipe, so that the program ends before they are read


async def start(tmp_path: Path, script: str, terminal: TerminalSize | None = None) -> OnPipes | OnTerminal:
    return await attach(("sh", "-c", script), directory=tmp_path, terminal=terminal)


async def read_all(program: OnPipes | OnTerminal) -> bytes:
    said = b""
    while (piece := await program.read()) is not None:
        said += piece.data
    return said


async def test_the_last_output_of_a_program_that_is_ended_is_read(tmp_path: Path) -> None:
    script = f"exec 2>&-; trap 'head -c {LAST_BYTES} /dev/zero; exit' TERM; echo up; while :; do sleep 0.02; done"
    program = await start(tmp_path, script)
    first = await program.read()
    reading = asyncio.create_task(read_all(program))

    await program.end()

    assert first is not None and first.data == b"up\n"  # noqa: PT018 - for the type checker
    assert len(await reading) == LAST_BYTES


@pytest.mark.parametrize("terminal", [None, SIZE], ids=["pipes", "terminal"])
async def test_a_reader_of_an_ended_program_whose_output_a_child_keeps_open_gets_the_end(
    tmp_path: Path, terminal: TerminalSize | None
) -> None:
    """The child is in a session of its own, so the end of the program does not end it."""
    child = "setsid sh -c 'echo $$ > child; echo up; exec sleep 600'"
    program = await start(tmp_path, f"{child} & exec sleep 600", terminal)
    await program.read()
    reading = asyncio.create_task(read_all(program))
    await asyncio.sleep(0)

    await program.end()

    assert await reading == b""
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


async def test_a_slow_reader_gets_everything_and_the_program_waits_for_it(tmp_path: Path) -> None:
    program = await start(tmp_path, "head -c 5000000 /dev/zero")
    size = 0
    while (piece := await program.read()) is not None:
        size += len(piece.data)
        await asyncio.sleep(0)

    assert (size, await program.wait()) == (5_000_000, 0)
    await program.end()
