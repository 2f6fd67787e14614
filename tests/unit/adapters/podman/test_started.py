"""Whether a container has started: the init's message that it could not execute the program may arrive late."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.podman.instances import launch
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.instances.started import check_started
from pvdify.errors import StartFailed
from pvdify.model.instance import LogLine
from tests.fakes.clock import FakeClock
from tests.support.writers import spec

CONTAINER = "c0ffee"
REFUSED = "ERROR (catatonit:6): failed to exec pid1: Operation not permitted"


@pytest.fixture
def conmon() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the container's id on its command line."""
    with subprocess.Popen((sys.executable, "-c", "import time; time.sleep(600)", CONTAINER)) as process:
        yield process
        process.kill()


@pytest.fixture
def files(tmp_path: Path, conmon: subprocess.Popen[bytes]) -> InstanceDir:
    """The files of a container whose first process has ended, and whose conmon still runs."""
    ended = subprocess.Popen(("true",))
    ended.wait()
    files = InstanceDir(tmp_path)
    files.cid_file.write_text(CONTAINER)
    files.conmon_pid_file.write_text(str(conmon.pid))
    (tmp_path / "pid").write_text(str(ended.pid))
    (tmp_path / launch.BUNDLE).mkdir()
    (tmp_path / launch.BUNDLE / launch.CONFIG).touch()
    return files


async def check(files: InstanceDir, *answers: str) -> int:
    """Check a start whose log is empty, or has a line, each time it is read; return how often it was read."""
    reads = iter(answers)
    count = 0

    async def tail() -> tuple[LogLine, ...]:
        nonlocal count
        count += 1
        text = next(reads, "")
        at = datetime(2026, 12, 1, tzinfo=UTC)
        return (LogLine(at=at, instance="web", stream="stderr", text=text),) if text else ()

    await check_started(spec(), files, exit_code=0, words="", tail=tail, clock=FakeClock())
    return count


async def test_the_message_of_the_init_is_waited_for_while_conmon_may_write_it(files: InstanceDir) -> None:
    with pytest.raises(StartFailed, match="started") as failed:
        await check(files, "", "", REFUSED)

    assert "file capabilities" in failed.value.why


async def test_a_container_that_ended_with_another_output_has_started(files: InstanceDir) -> None:
    assert await check(files, "", "migrated") == 2


async def test_the_log_is_read_once_more_after_conmon_has_ended(
    files: InstanceDir, conmon: subprocess.Popen[bytes]
) -> None:
    conmon.kill()
    conmon.wait()

    assert await check(files, "") == 1
