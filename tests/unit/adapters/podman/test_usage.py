"""Memory and CPU in use, from the files of both versions of cgroups."""

from pathlib import Path

from pvdify.adapters.podman.instances.usage import read_usage
from pvdify.model.instance import Usage


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_version_2(tmp_path: Path):
    write(tmp_path, {
        "proc/7/cgroup": "0::/machine.slice/libpod-abc.scope\n",
        "cgroup/machine.slice/libpod-abc.scope/memory.current": "52428800\n",
        "cgroup/machine.slice/libpod-abc.scope/memory.stat": "anon 1\nfile 2\ninactive_file 10485760\n",
        "cgroup/machine.slice/libpod-abc.scope/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
    })  # fmt: skip

    found = read_usage(7, processes=tmp_path / "proc", cgroups=tmp_path / "cgroup")

    assert found == Usage(memory=41943040, cpu_seconds=2.5)


def test_version_1_beside_an_empty_version_2(tmp_path: Path):
    write(tmp_path, {
        "proc/7/cgroup": "11:memory:/machine/libpod-abc\n4:cpu,cpuacct:/machine/libpod-abc\n0::/user.slice\n",
        "cgroup/memory/machine/libpod-abc/memory.usage_in_bytes": "52428800\n",
        "cgroup/memory/machine/libpod-abc/memory.stat": "inactive_file 1\ntotal_inactive_file 10485760\n",
        "cgroup/cpuacct/machine/libpod-abc/cpuacct.usage": "2500000000\n",
    })  # fmt: skip

    found = read_usage(7, processes=tmp_path / "proc", cgroups=tmp_path / "cgroup")

    assert found == Usage(memory=41943040, cpu_seconds=2.5)


def test_an_ended_instance_has_no_usage(tmp_path: Path):
    assert read_usage(7, processes=tmp_path / "proc", cgroups=tmp_path / "cgroup") is None
