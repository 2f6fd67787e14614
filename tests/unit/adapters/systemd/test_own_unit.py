from pathlib import Path

import pytest

from pvdify.adapters.systemd.own_unit import is_in_service

V1 = "12:pids:/system.slice/pvdifyd.service\n1:name=systemd:/system.slice/pvdifyd.service\n"
SESSION = "12:pids:/system.slice/x.service\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n"
V2 = "0::/system.slice/pvdifyd.service\n"


@pytest.mark.parametrize(
    ("text", "expected"), [(V1, True), (V2, True), (SESSION, False), ("0::/init.scope\n", False), ("nonsense", False)]
)
def test_the_own_unit_is_found_by_its_cgroup(tmp_path: Path, text: str, expected: bool):
    file = tmp_path / "cgroup"
    file.write_text(text)

    assert is_in_service(file, tmp_path) is expected
    assert is_in_service(file, tmp_path / "no-systemd") is False
    assert is_in_service(tmp_path / "missing", tmp_path) is False
