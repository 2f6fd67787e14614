"""The fakes are a second container runtime, on another machine: the whole suite of the engine runs on them.

Every instance of theirs is at 10.0.0.7. The prober and the router of the fakes know no other address, so a test of the
engine fails if the code drops the host.
"""

from pathlib import Path

import pvdify
from pvdify.model.endpoint import Endpoint
from pvdify.ports.runtime import Runtime
from tests.fakes.machine import Daemon, Machine
from tests.fakes.places import HOST

IMAGE = "reg.example.com/shop:v1"


async def test_deploy_scale_and_rollback_run_at_addresses_of_another_machine():
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon: Daemon = machine.daemon()

    await daemon.deploy(image=IMAGE, manifest={"processes": {"web": {"count": 2}}})
    await daemon.deploy(image=IMAGE, manifest={"processes": {"web": {"count": 3}}})
    route = (await machine.router.routes())["shop"]

    assert isinstance(daemon.runtime, Runtime)
    assert [target.host for target in route.targets] == [HOST] * 3
    assert {at.host for at, _ in machine.prober.probed} == {HOST}
    assert all(machine.supervisor.behind(target) for target in route.targets)
    assert machine.supervisor.behind(Endpoint("127.0.0.1", route.targets[0].port)) is None
    await daemon.bury()


def test_no_address_of_this_machine_is_written_in_the_core():
    root = Path(pvdify.__file__).parent
    files = [file for part in ("engine", "model", "ports") for file in (root / part).rglob("*.py")]

    found = [str(file.relative_to(root)) for file in files if "127.0.0.1" in file.read_text(encoding="utf-8")]

    assert files
    assert found == []
