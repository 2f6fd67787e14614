"""Every test here starts whole servers on this machine."""

import os
import shutil
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(autouse=True, scope="session")
def _needs_a_machine() -> None:
    absent = [name for name in ("podman", "skopeo", "docker-registry", "apt-get") if shutil.which(name) is None]
    if absent or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(absent) or 'containers'}; `make setup` installs what is missing")
