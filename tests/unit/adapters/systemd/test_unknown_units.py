"""What counts as a missing unit: systemctl has one exit code for several units."""

import pytest

from pvdify.adapters.systemd.systemctl import is_unknown
from pvdify.plumbing.command_runner import Completed

MISSING = "Failed to stop pvdify-shop-2.service: Unit pvdify-shop-2.service not loaded."


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (MISSING, True),
        (f"{MISSING}\nFailed to stop b.service: Unit b.service could not be found.\n", True),
        (f"Warning: The unit file of a.service changed on disk.\n{MISSING}", True),
        (f"Job for a.service canceled.\n{MISSING}", False),
        (f"Failed to stop a.service: Connection timed out\n{MISSING}", False),
        ("Failed to connect to bus: No such file or directory", False),
        ("", False),
    ],
)
def test_a_failure_beside_a_missing_unit_is_a_failure(stderr: str, expected: bool) -> None:
    assert is_unknown(Completed(argv=("systemctl", "stop"), exit_code=5, stdout="", stderr=stderr)) is expected
