"""Resource usage of an instance, read from both versions of cgroups."""

from pathlib import Path

from pvdify.adapters.host.cgroups import usage_of
from pvdify.model.capacity import Usage


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_version_2(tmp_path: Path):
    write(tmp_path / "proc" / "42", {"cgroup": "0::/machine.slice/libpod-ab.scope\n"})
    write(
        tmp_path / "cgroup" / "machine.slice" / "libpod-ab.scope",
        {
            "memory.current": "1000000\n",
            "memory.stat": "anon 700000\ninactive_file 200000\n",
            "memory.max": "2000000\n",
            "cpu.stat": "usage_usec 1500000\nuser_usec 1000000\n",
        },
    )

    found = usage_of(42, tmp_path / "proc", tmp_path / "cgroup")

    assert found == Usage(memory=800000, memory_limit=2000000, cpu_seconds=1.5)


def test_version_1(tmp_path: Path):
    groups = "6:memory:/libpod-ab\n4:cpu,cpuacct:/libpod-ab\n1:name=systemd:/x\n0::/\n"
    write(tmp_path / "proc" / "42", {"cgroup": groups})
    write(
        tmp_path / "cgroup",
        {
            "memory/libpod-ab/memory.usage_in_bytes": "1000000\n",
            "memory/libpod-ab/memory.stat": "cache 300000\ntotal_inactive_file 100000\n",
            "memory/libpod-ab/memory.limit_in_bytes": "9223372036854771712\n",
            "cpuacct/libpod-ab/cpuacct.usage": "2500000000\n",
        },
    )

    found = usage_of(42, tmp_path / "proc", tmp_path / "cgroup")

    assert found == Usage(memory=900000, memory_limit=None, cpu_seconds=2.5)


def test_missing_limits_and_files_are_unknown(tmp_path: Path):
    write(tmp_path / "proc" / "42", {"cgroup": "0::/x\n"})
    write(tmp_path / "cgroup" / "x", {"memory.max": "max\n"})

    assert usage_of(42, tmp_path / "proc", tmp_path / "cgroup") == Usage()
    assert usage_of(43, tmp_path / "proc", tmp_path / "cgroup") is None
