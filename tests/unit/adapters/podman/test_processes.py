"""What the kernel reports of a container's processes, from a /proc made for the test."""

import os
import subprocess
from pathlib import Path

import pytest

from pvdify.adapters.podman.instances import init, oom, watch
from pvdify.adapters.podman.instances.instance_dir import GATE, InstanceDir
from pvdify.model.instance import Secret
from tests.fakes.clock import FakeClock

CONTAINER = "f00d" * 16


def add_process(
    proc: Path, pid: int, *, cmdline: str, exe: str = "/bin/x", children: str = "", parent: int = 1
) -> None:
    (proc / str(pid) / "task" / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "cmdline").write_text(cmdline.replace(" ", "\0") + "\0")
    (proc / str(pid) / "stat").write_text(f"{pid} (a b) c) S {parent} 1 1")
    (proc / str(pid) / "exe").symlink_to(exe)
    (proc / str(pid) / "task" / str(pid) / "children").write_text(children)


def test_a_pid_is_alive_only_if_it_is_the_conmon_of_the_container(tmp_path):
    add_process(tmp_path, 7, cmdline=f"/usr/bin/conmon -c {CONTAINER} -b /x")

    assert watch.is_alive(7, CONTAINER, tmp_path)
    assert not watch.is_alive(7, CONTAINER[:12], tmp_path)
    assert not watch.is_alive(8, CONTAINER, tmp_path)


def test_a_parent_is_found_whatever_the_name_and_a_zombie_has_none(tmp_path):
    add_process(tmp_path, 7, cmdline="x", parent=5)
    add_process(tmp_path, 8, cmdline="x", parent=5)
    (tmp_path / "8" / "stat").write_text("8 (x) Z 5 1 1")

    assert [watch.parent_of(pid, tmp_path) for pid in (7, 8, 9)] == [5, None, None]


async def test_the_end_of_a_process_is_detected_by_pidfd_and_by_polling(monkeypatch):
    clock = FakeClock()
    first, second = (subprocess.Popen(("sleep", "0.2")) for _ in range(2))
    await watch.wait_for_end(first.pid, "0.2", clock)
    assert first.wait() == 0

    def pidfd_of_an_old_kernel(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", pidfd_of_an_old_kernel)
    second.wait()
    await watch.wait_for_end(second.pid, "0.2", clock)
    await watch.wait_for_end(os.getpid(), "not our command line", clock)


async def test_the_end_of_a_child_is_detected_and_an_unrelated_pid_is_not_waited_for():
    clock = FakeClock()
    child = subprocess.Popen(("sleep", "0.2"))

    await watch.wait_for_child(child.pid, os.getpid(), clock)

    assert child.wait() == 0
    await watch.wait_for_child(os.getpid(), os.getpid(), clock)


@pytest.mark.parametrize(
    ("cmdline", "child_exe", "expected"),
    [
        ("/run/podman-init -- /app", "/app", True),
        ("/app web", None, True),
        ("", None, False),
    ],
)
async def test_a_program_has_started_once_the_init_has_a_child(tmp_path, cmdline, child_exe, expected):
    add_process(tmp_path, 7, cmdline=cmdline, exe="/run/podman-init", children="8 " if child_exe else "")
    if child_exe:
        add_process(tmp_path, 8, cmdline=child_exe, exe=child_exe)

    assert await init.wait_for_program(7, FakeClock(), tmp_path) is expected


async def test_the_init_is_polled_until_it_has_started_its_program(tmp_path):
    clock = FakeClock()
    add_process(tmp_path, 7, cmdline="/run/podman-init -- /app", exe="/run/podman-init", children="8 ")
    add_process(tmp_path, 8, cmdline="/run/podman-init -- /app", exe="/run/podman-init")

    assert await init.wait_for_program(7, clock, tmp_path)
    assert clock.monotonic() >= init.LONGEST_LOOK_SECONDS
    assert not await init.wait_for_program(9, clock, tmp_path)


@pytest.mark.parametrize(
    ("command", "expected"),
    [(("/sbin/init",), True), (("/usr/bin/tini", "--", "/app"), True), (("/app", "init"), False), ((), False)],
)
def test_known_inits_are_recognised(command, expected):
    assert init.is_init(command) is expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (f"6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/machine.slice/libpod-{CONTAINER}.scope,pid=7", True),
        (f"6,1,2,-;Task in /libpod_parent/libpod-{CONTAINER} killed as a result of limit of /libpod_parent", True),
        (f"6,1,2,-;libpod-{CONTAINER}: something else", False),
        ("6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/machine.slice/libpod-beef.scope", False),
    ],
)
def test_the_kernels_message_names_the_container(record, expected):
    assert oom.is_memory_kill(record, CONTAINER) is expected


def test_without_a_kernel_log_no_process_counts_as_killed_for_memory(tmp_path):
    assert not oom.was_killed_for_memory(CONTAINER, tmp_path / "missing")


def test_an_instances_directory_keeps_secrets_to_root_and_the_gate_shut(tmp_path):
    files = InstanceDir(tmp_path / "instances" / "web")

    files.write({"KEY": Secret("value")})
    with files.open_gate():
        (files.path / "oom").touch()
        files.pid_file.write_text("7")
        files.conmon_pid_file.write_text("6")
        files.cid_file.write_text(CONTAINER)

    assert files.environment_file.stat().st_mode & 0o777 == 0o600
    assert files.path.stat().st_mode & 0o777 == 0o700
    assert not (files.path / GATE).exists()
    assert (files.container_id, files.conmon_pid, files.pid) == (CONTAINER, 6, 7)
    assert (files.is_out_of_memory, files.is_running, files.was_launched) == (True, False, False)
    files.count_restart()
    files.count_restart()
    assert files.restarts == 2
    with files.open_gate():
        assert not files.is_out_of_memory
    files.forget_container()
    assert (files.container_id, files.conmon_pid, files.restarts) == (None, None, 0)
    files.remove()
    assert not files.path.exists()
