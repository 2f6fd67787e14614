import pytest

from pvdify.errors import InvalidSetting, RuntimeUnavailable
from pvdify.installation import installing
from pvdify.installation.machine import Machine
from pvdify.plumbing.command_runner import Argv, Completed
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
