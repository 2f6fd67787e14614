from pathlib import Path

import pytest

from pvdify.adapters.kubernetes.volume_copies import NoVolumeCopies
from pvdify.errors import BackupFailed


async def test_a_cluster_volume_is_refused_by_name_with_an_alternative():
    with pytest.raises(BackupFailed, match="shop-data-1 was not copied") as failure:
        await NoVolumeCopies().copy_out("shop-data-1", Path("/nowhere"), while_frozen=None)
    assert "snapshots" in failure.value.next
    with pytest.raises(BackupFailed, match="shop-data-1 was not restored"):
        await NoVolumeCopies().copy_in("shop", "shop-data-1", Path("/nowhere"))
    await NoVolumeCopies().thaw()
