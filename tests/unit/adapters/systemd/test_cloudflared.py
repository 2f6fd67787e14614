"""cloudflared as a unit."""

from pathlib import Path

import pytest

from pvdify.adapters.systemd.cloudflared import CloudflaredUnit, TunnelUnit, unit_text
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.errors import RuntimeUnavailable
from pvdify.model.instance import Secret
from pvdify.settings import Address
from tests.fakes.systemctl import FakeSystemctl

NAME = "pvdify-cloudflared.service"
METRICS = Address(host="127.0.0.1", port=20241)


@pytest.fixture
def systemctl(tmp_path: Path) -> FakeSystemctl:
    (tmp_path / "units").mkdir()
    return FakeSystemctl(tmp_path / "units")


def process(systemctl: FakeSystemctl, tmp_path: Path, binary: str = "/bin/true") -> CloudflaredUnit:
    return CloudflaredUnit(
        systemctl=Systemctl(runner=systemctl), name=NAME, data_dir=tmp_path / "data", binary=binary, metrics=METRICS,
        directory=tmp_path / "units",
    )  # fmt: skip


def test_the_whole_unit():
    spec = TunnelUnit(
        binary=Path("/usr/bin/cloudflared"), environment=Path("/var/lib/pvdify/edge/tunnel.env"), metrics=METRICS
    )

    assert unit_text(spec) == (
        """\
# Written by pvdifyd (`pvdify server edge cloudflare`); put changes into a drop-in (`systemctl edit`).
[Unit]
Description=pvdify tunnel to Cloudflare
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
EnvironmentFile=/var/lib/pvdify/edge/tunnel.env
ExecStart=/usr/bin/cloudflared tunnel --no-autoupdate --metrics 127.0.0.1:20241 run
Restart=always
RestartSec=1
StartLimitInterval=0
TimeoutStopSec=45
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
"""
    )


async def test_the_unit_is_enabled_and_its_token_is_readable_by_root_only(systemctl: FakeSystemctl, tmp_path: Path):
    words = await process(systemctl, tmp_path).ensure_running(Secret("s3cret"))

    assert words == f"{NAME} runs it"
    assert (systemctl.units[NAME].is_active, systemctl.units[NAME].is_enabled) == (True, True)
    token = tmp_path / "data" / "edge" / "tunnel.env"
    assert (token.read_text(), token.stat().st_mode & 0o777) == ("TUNNEL_TOKEN=s3cret\n", 0o600)
    assert "s3cret" not in (tmp_path / "units" / NAME).read_text() + repr(systemctl.ran)


async def test_a_running_cloudflared_is_restarted_only_if_its_token_changes(systemctl: FakeSystemctl, tmp_path: Path):
    tunnel = process(systemctl, tmp_path)
    await tunnel.ensure_running(Secret("one"))
    systemctl.ran.clear()

    await tunnel.ensure_running(Secret("one"))
    assert systemctl.ran == [("start", NAME)]
    await tunnel.ensure_running(Secret("two"))

    assert systemctl.ran[1:] == [("restart", NAME)]


async def test_stopping_removes_the_unit_and_the_token(systemctl: FakeSystemctl, tmp_path: Path):
    tunnel = process(systemctl, tmp_path)
    await tunnel.ensure_running(Secret("one"))

    await tunnel.stop()
    await tunnel.stop()

    assert not systemctl.units[NAME].is_active
    assert list((tmp_path / "units").iterdir()) == []
    assert list((tmp_path / "data" / "edge").iterdir()) == []


async def test_a_missing_program_is_reported_with_where_to_get_it(systemctl: FakeSystemctl, tmp_path: Path):
    with pytest.raises(RuntimeUnavailable, match="there is no cloudflared-nowhere") as caught:
        await process(systemctl, tmp_path, "cloudflared-nowhere").ensure_running(Secret("one"))

    assert "cloudflared_binary" in caught.value.next
