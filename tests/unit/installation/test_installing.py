import pytest

from pvdify.errors import InvalidSetting
from pvdify.installation import installing
from pvdify.wire.installation import Install
from tests.unit.installation.conftest import Site


def test_a_setting_that_pvdifyd_does_not_know_is_refused_before_anything_is_looked_at(site: Site) -> None:
    with pytest.raises(InvalidSetting, match="there is no setting base_domian") as refused:
        installing.run(Install(settings={"base_domian": "apps.example.com"}), site.machine, site.io)

    assert refused.value.next == "did you mean base_domain? `pvdifyd --help` lists all settings"
    assert site.systemctl.ran == []


def test_a_value_that_a_setting_cannot_have_is_refused(site: Site) -> None:
    with pytest.raises(InvalidSetting) as refused:
        installing.run(Install(settings={"ports": "9-1"}), site.machine, site.io)

    assert "--ports" in str(refused.value.details)
