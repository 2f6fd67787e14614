"""Plans carried out in a folder, against a systemd in memory."""

import stat

import pytest

from pvdify.adapters.systemd.server_units import DAEMON, ROUTER, ROUTER_SOCKET
from pvdify.errors import InstallationFailed
from pvdify.installation import plans
from pvdify.installation.carry_out import carry_out, outlook
from pvdify.installation.containers import RemoveContainers, RemoveImages, RemoveIsolation, RemoveNetworks
from tests.unit.installation.conftest import Site

TEXT = 'base_domain = "apps.example.com"\n'


def install(site: Site, text: str = TEXT, **settings: str) -> tuple[str, ...]:
    done = carry_out(plans.install(site.layout(**settings), text), site.machine, site.io)
    site.grow_older()
    return done


def uninstall(site: Site, *, is_purging: bool = False) -> tuple[str, ...]:
    # Containers need podman, and networks a packet filter; tests on a real machine check them.
    wanted = plans.uninstall(site.layout(), is_purging=is_purging)
    real = RemoveContainers | RemoveImages | RemoveIsolation | RemoveNetworks
    plan = [action for action in wanted if not isinstance(action, real)]
    return carry_out(plan, site.machine, site.io)


def test_an_installation_makes_private_directories_and_runs_enabled_units(site: Site) -> None:
    install(site)

    assert stat.S_IMODE((site.folder / "var").stat().st_mode) == 0o700
    assert (site.folder / "etc" / "pvdifyd.toml").read_text() == TEXT
    assert (site.folder / "bin" / "pvdify").readlink() == site.layout().scripts / "pvdify"
    assert all(site.systemctl.unit(name).is_enabled for name in (DAEMON, ROUTER, ROUTER_SOCKET))
    assert all(site.systemctl.unit(name).is_active for name in (DAEMON, ROUTER_SOCKET))


def test_the_router_has_a_user_whose_group_reads_its_files(site: Site) -> None:
    install(site)

    assert "pvdify-router" in site.systemctl.users
    assert stat.S_IMODE((site.folder / "var" / "router").stat().st_mode) == 0o2750

    uninstall(site)

    assert site.systemctl.users == set()


def test_a_second_installation_changes_nothing(site: Site) -> None:
    install(site)
    site.systemctl.ran.clear()

    assert install(site) == ()
    assert site.systemctl.ran == []


def test_the_dry_run_reports_exactly_what_is_done(site: Site) -> None:
    install(site)
    changed = plans.install(site.layout(router_listen="127.0.0.1:9081"), TEXT + "# changed\n")
    planned = outlook(changed, site.machine)

    assert planned == carry_out(changed, site.machine, site.io)
    assert planned == (
        f"write {site.folder}/etc/pvdifyd.toml (mode 0644)",
        f"write {site.folder}/units/pvdify-router.socket (mode 0644)",
        "have systemd read its units",
        "(re)start pvdify-router.socket",
        "(re)start pvdifyd.service",
    )


def test_the_dry_run_changes_nothing(site: Site) -> None:
    outlook(plans.install(site.layout(), TEXT), site.machine)

    assert list(site.folder.iterdir()) == []
    assert site.systemctl.ran == []


def test_a_changed_address_stops_the_router_before_its_socket_is_recreated(site: Site) -> None:
    install(site)
    site.systemctl.ran.clear()

    install(site, router_listen="127.0.0.1:9081")

    assert site.systemctl.ran == [
        ("daemon-reload",),
        ("stop", ROUTER),
        ("restart", ROUTER_SOCKET),
    ]


def test_an_upgraded_package_restarts_pvdifyd_and_leaves_the_router_alone(site: Site) -> None:
    install(site)
    package = site.layout().package
    package.touch()
    site.systemctl.ran.clear()

    assert install(site) == ("(re)start pvdifyd.service",)
    assert site.systemctl.ran == [("restart", DAEMON)]


def test_a_failed_start_names_the_journal_command_and_is_retried_by_the_next_install(site: Site) -> None:
    site.systemctl.failing[f"restart {DAEMON}"] = "Job for pvdifyd.service failed."

    with pytest.raises(InstallationFailed) as failed:
        install(site)
    site.systemctl.failing.clear()

    assert failed.value.why == "Job for pvdifyd.service failed."
    assert f"journalctl -u {DAEMON}" in failed.value.next
    assert install(site)[0] == "(re)start pvdifyd.service"


def test_a_file_that_cannot_be_written_is_reported_with_its_name(site: Site) -> None:
    (site.folder / "etc").write_text("not a directory")

    with pytest.raises(InstallationFailed) as failed:
        install(site)

    assert str(site.folder / "etc") in failed.value.why


def test_uninstalling_ends_a_router_that_still_has_connections(site: Site) -> None:
    install(site)
    site.systemctl.unit(ROUTER).is_active = True

    uninstall(site)

    stopped = site.systemctl.ran.index(("stop", ROUTER))
    assert site.systemctl.ran[stopped + 1] == ("kill", "--signal=TERM", ROUTER)


def test_uninstalling_keeps_data_and_settings(site: Site) -> None:
    install(site)

    uninstall(site)

    assert sorted(folder.name for folder in site.folder.iterdir() if any(folder.iterdir())) == ["etc", "var"]
    assert not any(site.systemctl.unit(name).is_active for name in (DAEMON, ROUTER_SOCKET))
    assert uninstall(site) == ()


def test_a_crash_looping_server_is_stopped_by_uninstall(site: Site) -> None:
    install(site)
    site.systemctl.unit(DAEMON).is_active = False
    site.systemctl.unit(DAEMON).is_failing = True

    uninstall(site)

    assert ("stop", DAEMON) in site.systemctl.ran


def test_purging_removes_everything(site: Site) -> None:
    install(site)

    uninstall(site, is_purging=True)

    assert [path for path in site.folder.rglob("*") if not path.is_dir()] == []


def test_a_foreign_command_of_the_same_name_is_kept(site: Site) -> None:
    (site.folder / "bin").mkdir()
    (site.folder / "bin" / "pvdify").write_text("mine")

    install(site)
    uninstall(site)

    assert (site.folder / "bin" / "pvdify").read_text() == "mine"


def test_instances_are_reported_by_the_server_in_their_units(site: Site) -> None:
    (site.folder / "run").mkdir()
    mark = "[X-Pvdify]\nServer={}\nName=a\nApp=a\nProcess=web\nSlot=1\nNumber=1\nRole=instance\nOperation=o\nPort=\n"
    (site.folder / "run" / "pvdify-a-web-v1-1.service").write_text(mark.format("other"))

    action = RemoveContainers(server="ours", podman="/nonexistent/podman", unit_dir=site.folder / "run")

    assert action._units() == ()
