"""The script that runs around each container, on the real shell with a stand-in for podman."""

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.systemd import exits
from pvdify.adapters.systemd.exits import Noted

KEEPER = Path(exits.__file__).with_name("keeper.sh")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "cid").write_text("c0ffee")
    return tmp_path


def keep(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        ("/bin/sh", str(KEEPER), *arguments), check=False, cwd=directory, env=environment, capture_output=True,
        text=True, timeout=30,
    )  # fmt: skip


def ended(directory: Path, **variables: str) -> None:
    keep(directory, "ended", "cid", "oom", "echo", "7", **variables)


def test_an_exit_is_noted_with_its_code_and_container(directory):
    before = datetime.now(UTC).replace(microsecond=0)

    ended(directory, EXIT_STATUS="3")

    (noted,) = exits.take(directory)
    assert (noted.code, noted.is_out_of_memory, noted.container) == (3, False, "c0ffee")
    assert noted.at >= before


def test_a_start_that_pvdifyd_watches_and_that_fails_is_no_exit(directory):
    exits.start_over(directory)

    ended(directory, EXIT_STATUS="125")

    assert exits.take(directory) == ()


@pytest.mark.parametrize("end", [lambda it: keep(it, "started"), exits.end_watch], ids=["it started", "nobody watches"])
def test_afterwards_every_exit_is_noted(directory, end):
    exits.start_over(directory)
    end(directory)

    ended(directory, EXIT_STATUS="125")

    assert [noted.code for noted in exits.take(directory)] == [125]


def test_a_systemd_that_does_not_say_is_made_up_for_by_podman(directory):
    ended(directory)

    assert [noted.code for noted in exits.take(directory)] == [7]


def test_an_end_by_a_signal_counts_as_killed(directory):
    ended(directory, EXIT_STATUS="KILL")

    assert [noted.code for noted in exits.take(directory)] == [137]


def test_memory_that_ran_out_is_noted(directory):
    (directory / "oom").touch()

    ended(directory, EXIT_STATUS="137")

    assert exits.take(directory)[0].is_out_of_memory


def test_what_was_asked_to_stop_is_not_noted(directory):
    exits.set_grace(directory, 9)

    done = keep(directory, "stop", "echo", MAINPID="4711")
    ended(directory, EXIT_STATUS="143")

    assert done.stdout == "--time 9\n"
    assert exits.take(directory) == ()


def test_once_the_processes_have_had_their_time_the_rest_is_killed_at_once(directory):
    exits.set_grace(directory, 9)

    ended_them = keep(directory, "end", "echo", "stopper", MAINPID="4711")
    done = keep(directory, "stop", "echo", MAINPID="4711")

    assert ended_them.stdout == "stopper 9\n"
    assert done.stdout == "--time 0\n"


def test_where_the_processes_cannot_be_listed_podman_gives_them_their_time(directory):
    exits.set_grace(directory, 9)

    keep(directory, "end", "false", MAINPID="4711")
    done = keep(directory, "stop", "echo", MAINPID="4711")

    assert done.stdout == "--time 9\n"


def test_nothing_is_sent_after_a_program_has_ended_by_itself(directory):
    assert keep(directory, "end", "echo", "stopper").stdout == ""


def test_the_next_stop_gives_its_own_time(directory):
    exits.set_grace(directory, 9)
    keep(directory, "end", "true", MAINPID="4711")

    keep(directory, "before", "cid", "restarts", "true")
    done = keep(directory, "stop", "echo", MAINPID="4711")

    assert done.stdout == "--time 9\n"


def test_what_ended_well_by_itself_is_noted_although_systemd_runs_the_stop(directory):
    keep(directory, "stop", "echo")

    ended(directory, EXIT_STATUS="0")

    assert [noted.code for noted in exits.take(directory)] == [0]


def test_exits_come_again_until_they_are_forgotten(directory):
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


def test_it_waits_longer_for_each_exit_in_a_row(directory):
    for _ in range(2):
        ended(directory, EXIT_STATUS="1")

    begun = time.monotonic()
    keep(directory, "before", "cid", "restarts", "true")

    assert time.monotonic() - begun >= 1.0  # and one more by systemd
    exits.start_over(directory)
    assert not (directory / exits.IN_A_ROW).exists()


def test_an_instance_that_was_up_for_long_starts_over_with_the_shortest_pause(directory):
    (directory / exits.IN_A_ROW).write_text("6\n")
    (directory / "started").write_text(f"{int(time.time()) - 601}\n")

    ended(directory, EXIT_STATUS="1")

    assert (directory / exits.IN_A_ROW).read_text() == "1\n"


def test_what_podman_says_goes_to_its_file(directory):
    keep(directory, "start", "sh", "-c", "echo id; echo refused >&2; exit 125")

    assert exits.refusal(directory) == "refused\n"
    assert exits.has_begun(directory)


def test_a_half_written_note_is_left_out(directory):
    (directory / exits.EXITS).write_text("1795597832 3 - c0ffee\n17955978")

    assert exits.take(directory) == (
        Noted(at=datetime.fromtimestamp(1795597832, UTC), code=3, is_out_of_memory=False, container="c0ffee"),
    )


def test_what_is_tried_may_fail_and_says_nothing(directory):
    done = keep(directory, "try", "/bin/sh", "-c", "echo one; echo two >&2; touch tried; exit 125")

    assert (done.stdout, done.stderr) == ("", "")
    assert (directory / "tried").exists()
