"""The log of pvdifyd says why this machine cannot limit what a container writes into itself."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pvdify.adapters.podman.layers.bounds import Layers
from pvdify.daemon.container_disk import find_container_disk
from pvdify.model.layer_bound import LayerBound
from pvdify.plumbing.command_runner import Argv
from pvdify.settings import load


class UnusedRunner:
    """It is not asked in these cases."""

    async def run(self, argv: Argv, **_: object) -> None:
        pytest.fail(f"ran {argv}")


IS_0 = "the setting max_container_disk is 0"


@pytest.mark.parametrize(
    ("flags", "bound", "logged"),
    [
        (
            {"runtime": "podman", "max_container_disk": "0"},
            LayerBound(why=IS_0),
            [{"event": "container_disk.not_bounded", "why": IS_0, "log_level": "info"}],
        ),
        ({"runtime": "kubernetes"}, None, []),
    ],
)
async def test_the_cause_of_a_missing_limit_is_logged(flags, bound, logged):
    with capture_logs() as entries:
        found = await find_container_disk(load(flags, {}, Path("/none.toml")), UnusedRunner())  # type: ignore[arg-type]

    assert found == Layers(bound=bound)
    assert entries == logged
