"""The script that runs around each container, on the real shell with a stand-in for podman."""

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.systemd import exits
from pvdify.adapters.systemd.exits import RecordedExit

KEEPER = Path(exits.__file__).with_name("keeper.sh")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "cid").write_text("c0ffee")
    return tmp_path


def keep(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        ("/bin/sh", str(KEEPER), *arguments), check=False, cwd=directory, env=environment, capture_output=True,
        text=True, timeout=100,
    )  # fmt: skip


def ended(directory: Path, **variables: str) -> None:
    keep(directory, "ended", "cid", "oom", "echo", "7", **variables)


def test_an_exit_is_recorded_with_its_code_and_container(directory):
    before = datetime.now(UTC).replace(microsecond=0)

    ended(directory, EXIT_STATUS="3")

    (noted,) = exits.take(directory)
    assert (noted.code, noted.is_out_of_memory, noted.container) == (3, False, "c0ffee")
    assert noted.at >= before


def test_a_failed_start_that_pvdifyd_watches_is_not_recorded_as_an_exit(directory):
    exits.start_over(directory)

    ended(directory, EXIT_STATUS="125")

    assert exits.take(directory) == ()


@pytest.mark.parametrize(
    "end", [lambda it: keep(it, "started"), exits.end_watch], ids=["it started", "the watch ended"]
)
def test_after_the_watched_start_every_exit_is_recorded(directory, end):
    exits.start_over(directory)
    end(directory)

    ended(directory, EXIT_STATUS="125")

    assert [noted.code for noted in exits.take(directory)] == [125]


def test_without_the_exit_code_of_systemd_podman_is_asked(directory):
    ended(directory)

    assert [noted.code for noted in exits.take(directory)] == [7]


def test_an_end_by_a_signal_counts_as_killed(directory):
    ended(directory, EXIT_STATUS="KILL")

    assert [noted.code for noted in exits.take(directory)] == [137]


def test_an_out_of_memory_kill_is_recorded(directory):
    (directory / "oom").touch()

    ended(directory, EXIT_STATUS="137")

    assert exits.take(directory)[0].is_out_of_memory


def test_a_requested_stop_is_not_recorded_as_an_exit(directory):
    exits.set_grace(directory, 9)

    done = keep(directory, "stop", "echo", MAINPID="4711")
    ended(directory, EXIT_STATUS="143")

    assert done.stdout == "--time 9\n"
    assert exits.take(directory) == ()


def test_after_the_grace_period_remaining_processes_are_killed_at_once(directory):
    exits.set_grace(directory, 9)

    ended_them = keep(directory, "end", "echo", "stopper", MAINPID="4711")
    done = keep(directory, "stop", "echo", MAINPID="4711")

    assert ended_them.stdout == "stopper 9\n"
    assert done.stdout == "--time 0\n"


def test_if_processes_cannot_be_listed_podman_stops_with_the_grace_period(directory):
    exits.set_grace(directory, 9)

    keep(directory, "end", "false", MAINPID="4711")
    done = keep(directory, "stop", "echo", MAINPID="4711")

    assert done.stdout == "--time 9\n"


def test_no_signal_is_sent_after_a_program_has_exited(directory):
    assert keep(directory, "end", "echo", "stopper").stdout == ""


def test_the_next_stop_uses_its_own_grace_period(directory):
    exits.set_grace(directory, 9)
    keep(directory, "end", "true", MAINPID="4711")

    keep(directory, "before", "cid", "restarts", "true")
    done = keep(directory, "stop", "echo", MAINPID="4711")

    assert done.stdout == "--time 9\n"


def test_a_successful_exit_is_recorded_although_systemd_runs_the_stop(directory):
    keep(directory, "stop", "echo")

    ended(directory, EXIT_STATUS="0")

    assert [noted.code for noted in exits.take(directory)] == [0]


def test_exits_are_reported_until_they_are_acknowledged(directory):
    ended(directory, EXIT_STATUS="3")
    first = exits.take(directory)
    ended(directory, EXIT_STATUS="4")

    assert exits.take(directory) == first
    exits.forget(directory)

    assert [noted.code for noted in exits.take(directory)] == [4]


def test_a_first_start_removes_nothing_and_counts_nothing(tmp_path):
    keep(tmp_path, "before", "cid", "restarts", "touch", "removed")

    assert not (tmp_path / "removed").exists()
    assert not (tmp_path / "restarts").exists()


def test_every_later_start_removes_the_last_container_and_counts(directory):
    keep(directory, "before", "cid", "restarts", "touch", "removed")
    keep(directory, "before", "cid", "restarts", "true")

    assert (directory / "removed").exists()
    assert (directory / "restarts").read_text() == "2\n"


def test_the_restart_delay_grows_with_each_consecutive_exit(directory):
    for _ in range(2):
        ended(directory, EXIT_STATUS="1")

    begun = time.monotonic()
    keep(directory, "before", "cid", "restarts", "true")

    assert time.monotonic() - begun >= 1.0  # and one more by systemd
    exits.start_over(directory)
    assert not (directory / exits.IN_A_ROW).exists()


def test_the_restart_delay_is_reset_after_a_long_run(directory):
    (directory / exits.IN_A_ROW).write_text("6\n")
    (directory / "started").write_text(f"{int(time.time()) - 601}\n")

    ended(directory, EXIT_STATUS="1")

    assert (directory / exits.IN_A_ROW).read_text() == "1\n"


def test_podmans_output_is_written_to_its_file(directory):
    keep(directory, "start", "sh", "-c", "echo id; echo refused >&2; exit 125")

    assert exits.refusal(directory) == "refused\n"
    assert exits.has_begun(directory)


def test_a_half_written_exit_record_is_skipped(directory):
    (directory / exits.EXITS).write_text("1795597832 3 - c0ffee\n17955978")

    assert exits.take(directory) == (
        RecordedExit(at=datetime.fromtimestamp(1795597832, UTC), code=3, is_out_of_memory=False, container="c0ffee"),
    )


def test_an_optional_command_may_fail_silently(directory):
    done = keep(directory, "try", "/bin/sh", "-c", "echo one; echo two >&2; touch tried; exit 125")

    assert (done.stdout, done.stderr) == ("", "")
    assert (directory / "tried").exists()
