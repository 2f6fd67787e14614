import pytest

from pvdify.adapters.systemd.server_units import DAEMON, ROUTER_SOCKET
from pvdify.errors import InvalidSetting, MachineNotReady, RuntimeUnavailable
from pvdify.installation import installing
from pvdify.installation.doctor import report
from pvdify.installation.doctor.observe import own_ports
from pvdify.installation.machine import Machine
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.wire.answers import Check
from pvdify.wire.installation import Install
from tests.unit.installation.conftest import Site


def test_an_unknown_setting_is_refused_before_any_check(site: Site) -> None:
    with pytest.raises(InvalidSetting, match="there is no setting base_domian") as refused:
        installing.run(Install(settings={"base_domian": "apps.example.com"}), site.machine, site.io)

    assert refused.value.next == "did you mean base_domain? `pvdifyd --help` lists all settings"
    assert site.systemctl.ran == []


def test_an_invalid_setting_is_refused(site: Site) -> None:
    with pytest.raises(InvalidSetting) as refused:
        installing.run(Install(settings={"ports": "9-1"}), site.machine, site.io)

    assert "--ports" in str(refused.value.details)


class Programs:
    """Answer like the distribution's HAProxy of this version; None if it is not installed."""

    def __init__(self, version: str | None) -> None:
        self._version = version

    async def run(self, argv: Argv, **_: object) -> Completed:
        if self._version is None:
            raise RuntimeUnavailable("haproxy cannot be started on this server")
        assert argv == ("/usr/sbin/haproxy", "-vv")
        return Completed(argv=argv, exit_code=0, stdout=f"HAProxy version {self._version} 2026/06/26\n", stderr="")


@pytest.mark.parametrize(
    ("version", "settings_text", "expected"),
    [
        ("2.8.3-1", None, {"router_binary": "/usr/sbin/haproxy"}),
        ("3.0.11-1", None, {"router_binary": "/usr/sbin/haproxy"}),
        ("2.6.12-1", None, {}), (None, None, {}), ("3.0.11-1", "", {}), ("3.0.11-1", 'router_binary = ""', {}),
    ],
)  # fmt: skip
def test_a_new_server_has_the_router_that_the_distribution_keeps_up_to_date(
    version: str | None, settings_text: str | None, expected: dict[str, str]
) -> None:
    machine = Machine(runner=Programs(version))  # type: ignore[arg-type]

    assert installing.preferred_router(settings_text, machine) == expected


def test_a_restore_is_not_refused_for_the_database_that_it_replaces(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Check(name="database", state="broken", text="pvdify.db is damaged", next="pvdify server restore FILE")
    old = Check(name="kernel", state="broken", text="2.6", next="use a newer one")
    monkeypatch.setattr(report, "checks", lambda *_: found)
    wanted, found = site.layout().settings, [lost]

    installing.check(site.machine, wanted, but="database")
    with pytest.raises(MachineNotReady):
        installing.check(site.machine, wanted)
    found = [lost, old]
    with pytest.raises(MachineNotReady) as refused:
        installing.check(site.machine, wanted, but="database")

    assert refused.value.details["problems"] == ["kernel: 2.6; use a newer one"]


def test_a_port_that_is_wanted_is_not_taken_for_one_that_the_server_has(site: Site) -> None:
    file = site.folder / "pvdifyd.toml"
    file.write_text('router_listen = "127.0.0.1:8080"\n')
    for unit in (DAEMON, ROUTER_SOCKET):
        site.systemctl.unit(unit).is_active = True

    assert own_ports(site.machine, file) == {9443, 8080}
    assert own_ports(site.machine, site.folder / "none.toml") == {9443, 9080}
