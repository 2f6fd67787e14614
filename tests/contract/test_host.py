"""Contract of the ``host`` port: the fake, and this machine."""

import os
import socket
from pathlib import Path

import pytest

from pvdify.adapters.host.host import LinuxHost
from pvdify.adapters.podman.storage_conf import CHOSEN
from pvdify.daemon.runtimes import build_host
from pvdify.model.capacity import Usage
from pvdify.ports.host import Host
from pvdify.settings import load
from tests.fakes.host import FakeHost
from tools.free_port import free_port


@pytest.fixture(params=["fake", "real"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    return FakeHost() if request.param == "fake" else LinuxHost(tmp_path, container_storage=tmp_path)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])
async def test_listeners_on_any_address_are_found(host, address):
    port = free_port()
    assert not await host.has_listener(port)

    with socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET):
        if isinstance(host, FakeHost):
            host.listeners.add(port)
        assert await host.has_listener(port)


async def test_capacity_is_known(host):
    capacity = await host.capacity()

    assert capacity.free_disk > 0
    assert capacity.available_memory > 0


async def test_unreadable_values_are_none(tmp_path):
    host = LinuxHost(tmp_path, container_storage=tmp_path / "missing", meminfo=tmp_path / "missing")

    capacity = await host.capacity()

    assert capacity.available_memory is None
    assert capacity.free_disk is not None


async def test_the_disk_that_podman_is_configured_to_use_counts(tmp_path, monkeypatch):
    (tmp_path / "storage.conf").write_text('[storage]\ngraphroot = "/proc"\n')  # which has no free space
    monkeypatch.setenv(CHOSEN, str(tmp_path / "storage.conf"))

    capacity = await build_host(load({"data_dir": str(tmp_path)}, {}, tmp_path / "none")).capacity()

    assert capacity.free_disk == 0


async def test_old_kernels_do_not_report_available_memory(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:     8000 kB\nMemFree:      1000 kB\nBuffers:       200 kB\nCached:        300 kB\n")

    capacity = await LinuxHost(tmp_path, container_storage=tmp_path, meminfo=meminfo).capacity()

    assert capacity.available_memory == 1500 * 1024


async def test_usage_is_reported_for_running_instances(host):
    if isinstance(host, FakeHost):
        host.used[os.getpid()] = Usage(memory=1000, cpu_seconds=1.0)

    found = await host.usage([os.getpid(), 2**30])

    assert set(found) == {os.getpid()}
    assert found[os.getpid()].memory > 0
    assert found[os.getpid()].cpu_seconds > 0
