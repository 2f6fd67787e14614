"""Contract of the command runner."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from pvdify.adapters.subprocess import command_runner
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.errors import RuntimeUnavailable
from tests.support.waiting import until


@pytest.fixture
def runner() -> SubprocessRunner:
    return SubprocessRunner()


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


async def wait_gone(pid: int) -> None:
    await until(lambda: not Path(f"/proc/{pid}").exists(), f"process {pid} still runs")


async def run_out_of_time(runner: SubprocessRunner, script: str, ready: Path) -> RuntimeUnavailable:
    """Return the failure of a script whose timeout has passed after it had written the file ``ready``.

    On a busy machine it may need longer for that than a short timeout; then it gets a longer one.
    """
    for timeout in (0.2, 1, 5, 25):
        with pytest.raises(RuntimeUnavailable) as failure:
            await runner.run(sh(script), timeout=timeout)
        if ready.exists() and ready.read_text():
            assert f"did not answer within {timeout} s" in failure.value.what
            return failure.value
    raise AssertionError("the script never came so far")


async def test_exit_code_and_both_outputs_are_returned(runner):
    done = await runner.run(sh("echo out; echo err >&2; exit 7"))

    assert (done.exit_code, done.stdout, done.stderr) == (7, "out\n", "err\n")


async def test_arguments_are_passed_unchanged(runner):
    done = await runner.run(("printf", "[%s]", "a b", "$HOME", '"', ""))

    assert done.stdout == '[a b][$HOME]["][]'


async def test_input_environment_and_directory_are_passed_on(runner, tmp_path):
    done = await runner.run(
        sh('cat; echo "$GREETING $PATH"; pwd'), stdin=b"in ", environment={"GREETING": "hello"}, directory=tmp_path
    )

    assert done.stdout == f"in hello {os.environ['PATH']}\n{tmp_path}\n"


async def test_undecodable_output_is_replaced(runner):
    done = await runner.run(("printf", r"\377"))

    assert done.stdout == "\N{REPLACEMENT CHARACTER}"


async def test_a_program_over_its_timeout_is_killed_with_its_children(runner, tmp_path):
    marks = tmp_path / "pids"

    await run_out_of_time(runner, f"sleep 60 & echo $! $$ > {marks}; wait", marks)

    for pid in marks.read_text().split():
        await wait_gone(int(pid))


async def test_a_program_may_finish_a_critical_section(runner, tmp_path, monkeypatch):
    monkeypatch.setattr(command_runner, "TERM_SECONDS", 60.0)  # a busy machine may need longer than the usual three
    ready, mark = tmp_path / "ready", tmp_path / "finished"

    script = f"trap 'touch {mark}; exit' TERM; echo yes > {ready}; while :; do sleep 0.05; done"
    await run_out_of_time(runner, script, ready)

    assert mark.exists()


async def test_a_program_that_ignores_sigterm_is_killed(runner, tmp_path, monkeypatch):
    monkeypatch.setattr(command_runner, "TERM_SECONDS", 0.1)  # shorter than the usual three seconds
    marks = tmp_path / "pid"

    await run_out_of_time(runner, f"trap '' TERM; echo $$ > {marks}; while :; do sleep 0.05; done", marks)

    await wait_gone(int(marks.read_text()))


async def test_a_cancelled_run_ends_its_program(runner, tmp_path):
    marks = tmp_path / "pid"
    running = asyncio.create_task(runner.run(sh(f"echo $$ > {marks}; exec sleep 60")))
    while not (marks.exists() and marks.read_text()):
        await asyncio.sleep(0.01)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    await wait_gone(int(marks.read_text()))


async def test_a_missing_program_names_its_package(runner):
    with pytest.raises(RuntimeUnavailable) as failure:
        await runner.run(("no-such-program", "--version"))

    assert "apt-get install no-such-program" in failure.value.next
    with pytest.raises(RuntimeUnavailable):
        async with runner.stream(("no-such-program",)):
            pass


async def test_a_daemon_left_by_the_program_does_not_delay_the_result(runner, tmp_path):
    started = time.monotonic()

    done = await runner.run(sh("setsid sleep 60 >/dev/null 2>&1 & echo started"))

    assert done.stdout == "started\n"
    assert time.monotonic() - started < 30


async def test_a_stream_yields_both_outputs_line_by_line_immediately(runner):
    async with runner.stream(sh("echo one; sleep 0.1; echo two >&2; sleep 0.1; printf three")) as lines:
        assert [line async for line in lines] == ["one", "two", "three"]


async def test_leaving_a_stream_ends_its_program(runner):
    async with runner.stream(sh("echo $$; exec sleep 60")) as lines:
        pid = int(await anext(lines))

    await wait_gone(pid)
