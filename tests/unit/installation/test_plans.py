from dataclasses import replace
from pathlib import Path

from pvdify.adapters.systemd.server_units import DAEMON, ROUTER, ROUTER_SOCKET
from pvdify.installation import journal, plans
from pvdify.installation.actions import ClearRunDirectory
from pvdify.installation.layout import Layout
from pvdify.installation.machine import Machine
from pvdify.settings import load
from tests.fakes.systemctl import FakeSystemctl

LAYOUT = Layout(settings=load({}, {}, Path("/none.toml")), router_binary=Path("/opt/haproxy"), has_router_user=True)


def test_the_whole_installation() -> None:
    plan = plans.install(LAYOUT, 'base_domain = "apps.example.com"\n')

    assert [action.describe() for action in plan] == [
        "make /etc/pvdify (mode 0755)",
        "make /var/lib/pvdify (mode 0700)",
        "add the user pvdify-router",
        "make /var/lib/pvdify/router (mode 2750, group pvdify-router)",
        "write /etc/pvdify/pvdifyd.toml (mode 0644)",
        "write /etc/systemd/journald.conf.d/50-pvdify.conf (mode 0644)",
        "(re)start systemd-journald.service",
        "write /etc/systemd/system/pvdify-router.socket (mode 0644)",
        "write /etc/systemd/system/pvdify-router.service (mode 0644)",
        "write /etc/systemd/system/pvdifyd.service (mode 0644)",
        "have systemd read its units",
        "enable pvdify-router.socket",
        "enable pvdify-router.service",
        "enable pvdifyd.service",
        "(re)start pvdify-router.socket",
        "(re)start pvdifyd.service",
        "(re)start pvdify-router.service",
        "link /usr/local/bin/pvdify to /opt/pvdify/bin/pvdify",
    ]


def test_the_units_are_for_this_pvdify_and_its_settings() -> None:
    units = dict(plans.unit_files(LAYOUT))

    assert list(units) == [ROUTER_SOCKET, ROUTER, DAEMON]
    assert "ListenStream=127.0.0.1:9080\n" in units[ROUTER_SOCKET]
    assert "ExecStart=/opt/haproxy -W -C /var/lib/pvdify/router -f haproxy.cfg\n" in units[ROUTER]
    assert "ExecStart=/opt/pvdify/bin/pvdifyd --settings /etc/pvdify/pvdifyd.toml\n" in units[DAEMON]


def test_uninstalling_keeps_the_data_unless_it_is_purged() -> None:
    kept = [action.describe() for action in plans.uninstall(LAYOUT, is_purging=False)]
    purged = [action.describe() for action in plans.uninstall(LAYOUT, is_purging=True)]

    assert kept == [
        "stop and disable pvdifyd.service",
        "stop and disable pvdify-cloudflared.service",
        "stop every app and remove its containers",
        "remove the networks of apps and services",
        "remove the packet filter's rules that isolate the networks of apps",
        "stop and disable pvdify-router.service",
        "stop and disable pvdify-router.socket",
        "remove /etc/systemd/system/pvdifyd.service",
        "remove /etc/systemd/system/pvdify-router.service",
        "remove /etc/systemd/system/pvdify-router.socket",
        "remove /etc/systemd/system/pvdify-cloudflared.service",
        "have systemd read its units",
        "remove what is in /run/pvdify",
        "remove /etc/systemd/journald.conf.d/50-pvdify.conf",
        "remove the user pvdify-router",
        "remove the link /usr/local/bin/pvdify",
    ]
    assert [words for words in purged if words not in kept] == [
        "remove the images of every release",
        "remove /var/lib/pvdify",
        "remove /etc/pvdify/pvdifyd.toml",
    ]


def test_uninstalling_another_servers_directory_ends_its_own_tunnel() -> None:
    layout = replace(LAYOUT, settings=replace(LAYOUT.settings, data_dir=Path("/srv/pvdify")))

    described = [action.describe() for action in plans.uninstall(layout, is_purging=False)]

    unit = f"pvdify-cloudflared-{layout.settings.server_id}.service"
    assert {f"stop and disable {unit}", f"remove /etc/systemd/system/{unit}"} <= set(described)


def test_uninstalling_leaves_no_config_vars_on_tmpfs_and_spares_other_servers(tmp_path: Path) -> None:
    for file in ("instances/pvdify-shop-web-v1-1/environment", "registries/auth.json", "0123456789/pvdifyd.sock"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("TOKEN=secret")
    action, machine = ClearRunDirectory(path=tmp_path), Machine(runner=FakeSystemctl(folder=tmp_path))
    assert not action.is_done(machine)

    action.apply(machine)

    assert action.is_done(machine)
    assert [each.name for each in tmp_path.iterdir()] == ["0123456789"]


def test_the_journal_is_kept_over_reboots_and_limited_by_size_and_age() -> None:
    assert journal.drop_in().partition("[Journal]\n")[2].splitlines() == [
        "Storage=persistent",
        "SystemMaxUse=2G",
        "SystemKeepFree=1G",
        "MaxRetentionSec=1month",
        "RateLimitInterval=30s",
        "RateLimitBurst=200000",
    ]
