from pvdify.adapters.kubernetes.host import HostBesideCluster
from tests.fakes.host import FakeHost


async def test_the_memory_of_this_machine_does_not_count_and_its_disk_does():
    machine = FakeHost()

    found = await HostBesideCluster(machine).capacity()

    assert found.available_memory is None
    assert found.free_disk == (await machine.capacity()).free_disk
