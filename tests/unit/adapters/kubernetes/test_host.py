from pvdify.adapters.kubernetes.host import HostBesideCluster
from tests.fakes.host import FakeHost


async def test_host_memory_is_not_checked_and_the_disk_is():
    machine = FakeHost()

    found = await HostBesideCluster(machine).capacity()

    assert found.available_memory is None
    assert found.free_disk == (await machine.capacity()).free_disk
