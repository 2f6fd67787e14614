"""The supervisor's contract on systemd as process 1."""

import sys

import pytest

from tests.support.vps import CHECKOUT, Vps, missing_for_vps

pytestmark = [pytest.mark.vps, pytest.mark.skipif(missing_for_vps() is not None, reason=str(missing_for_vps()))]


def test_the_supervisor_on_systemd_keeps_the_contract() -> None:
    suites = [str(CHECKOUT / "tests" / "contract" / name) for name in ("test_supervisor.py", "test_unended_lines.py")]
    options = ("-q", "-p", "no:cacheprovider", "--rootdir", str(CHECKOUT), "-m", "systemd")

    with Vps(binds=(f"{CHECKOUT}:{CHECKOUT}",)) as vps:
        done = vps.run(sys.executable, "-m", "pytest", *options, *suites, check=False, directory=str(CHECKOUT))

    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
