"""Each check of the doctor: its verdict on a fact, and the command that repairs it."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pvdify.adapters.podman.users.support import Obstacle
from pvdify.installation.doctor.facts import Disk, Distribution, Facts, JournalSettings, Podman, Trial
from pvdify.installation.doctor.judgements import judge
from pvdify.model.layer_bound import LayerBound
from pvdify.settings import load
from pvdify.wire.answers import Check

GB = 1024**3
PODMAN = Podman(version=(4, 3, 1), runtime="runc", cgroups="v1", network="netavark", storage="overlay")
HAPROXY = """\
HAProxy version 2.8.25-5cf5d0683 2026/06/26 - https://haproxy.org/
Status: long-term supported branch - will stop receiving fixes around Q2 2028.
Known bugs: http://www.haproxy.org/bugs/bugs-2.8.25.html
"""
WELL = Facts(
    settings=load({}, {}, Path("/none.toml")),
    distribution=Distribution(name="Debian GNU/Linux 12", family="debian"),
    kernel="3.10.0-1160.el7.x86_64",
    systemd=252,
    podman=PODMAN,
    has_skopeo=True,
    has_restic=True,
    has_init=True,
    trial=Trial(memory_limit=64 * 1024**2, open_files=20000),
    disks=(Disk(path=Path("/var/lib/pvdify"), free=20 * GB, total=100 * GB, free_inodes=1_000_000),),
    run_file_system="tmpfs",
    total_memory=4 * GB,
    available_memory=2 * GB,
    is_clock_kept=True,
    journal=JournalSettings(storage="persistent", max_use="2G", max_age="1month", burst="200000"),
    haproxy=HAPROXY,
    today=date(2026, 11, 30),
)
RHEL = Distribution(name="AlmaLinux 8", family="rhel")


def check(name: str, **facts: object) -> Check:
    return next(each for each in judge(replace(WELL, **facts)) if each.name == name)


def test_a_healthy_machine_needs_no_repair() -> None:
    assert [(each.name, each.state, each.next) for each in judge(WELL)] == [
        (name, "ok", "")
        for name in (
            "package", "database", "kernel", "systemd", "podman", "skopeo", "restic", "containers", "networks",
            "user namespaces", "container disk", "open files",
            "init", "ports", "disk", "run directory", "memory", "clock", "journal", "haproxy", "firewall",
        )
    ]  # fmt: skip


def test_findings_of_a_healthy_machine_are_reported() -> None:
    assert check("podman").text == "4.3.1 with runc, cgroups v1, network netavark, storage overlay"
    assert check("ports").text == "9443, 9080 for pvdify; 3001-3999: 999 free for instances"
    assert check("journal").text == "persistent, up to 2G and 1month, up to 200000 lines in 30 s"


@pytest.mark.parametrize(
    ("name", "facts", "state", "repair"),
    [
        (
            "package",
            {"package_refusal": "ModuleNotFoundError: No module named 'h11'"},
            "broken",
            "install it again with pip, with all its dependencies",
        ),
        ("kernel", {"kernel": "2.6.32"}, "broken", "move to a machine with a newer kernel"),
        ("systemd", {"systemd": 208}, "broken", "upgrade the system"),
        ("podman", {"podman": None, "podman_refusal": "no space left"}, "broken", "podman info --log-level=debug"),
        ("podman", {"podman": replace(PODMAN, version=(3, 4, 4))}, "broken", "apt-get install podman"),
        ("podman", {"podman": None, "distribution": RHEL}, "broken", "dnf install podman runc catatonit skopeo"),
        ("skopeo", {"has_skopeo": False}, "broken", "apt-get install skopeo"),
        ("skopeo", {"has_skopeo": False, "skopeo_refusal": "it hangs"}, "broken", "skopeo --version"),
        ("restic", {"has_restic": False, "restic_refusal": "it hangs"}, "warning", "restic version"),
        ("restic", {"has_restic": False}, "warning", "apt-get install restic"),
        ("skopeo", {"has_skopeo": False, "distribution": Distribution()}, "broken", "install skopeo"),
        ("containers", {"trial": None, "is_root": False}, "warning", "sudo pvdify doctor"),
        (
            "networks",
            {"trial": Trial(memory_limit=64 * 1024**2, is_apart=False)},
            "warning",
            "apt-get install podman netavark, in a version that supports `isolate`",
        ),
        (
            "networks",
            {"on_shared_network": ("pvdify-shop-web-v1-1",)},
            "warning",
            "`pvdify deploy APP` for each of their apps: new instances are on their app's own network",
        ),
        ("networks", {"lets_apps_meet": True}, "broken", "systemctl restart pvdifyd"),
        ("run directory", {"run_file_system": "ext4"}, "warning", "mount /run as tmpfs, as systemd does"),
        ("init", {"has_init": False}, "warning", "apt-get install catatonit"),
        ("memory", {"available_memory": 10 * 1024**2}, "broken", "stop what uses it: ps aux --sort=-rss | head"),
        ("clock", {"is_clock_kept": None}, "warning", "timedatectl"),
        ("journal", {"journal": JournalSettings()}, "warning", "pvdify server install"),
    ],
)
def test_problems_are_reported_with_the_command_that_repairs_them(
    name: str, facts: dict[str, object], state: str, repair: str
) -> None:
    found = check(name, **facts)

    assert (found.state, found.next) == (state, repair)


def test_user_namespaces_that_do_not_work_are_broken_only_if_the_setting_is_on() -> None:
    on = replace(WELL.settings, user_namespaces="on")
    found = Obstacle(why="podman uses runc 1.1.5", next="install crun 1.8")

    broken = check("user namespaces", settings=on, no_user_namespaces=found)

    assert (broken.state, broken.text, broken.next) == ("broken", "podman uses runc 1.1.5", "install crun 1.8")
    assert check("user namespaces", settings=on).text.startswith("a container was tried; 2046 apps and services")
    assert check("user namespaces", settings=on, trial=None).text == "not tried"
    in_cluster = check("user namespaces", settings=replace(on, runtime="kubernetes"))
    assert (in_cluster.state, in_cluster.next) == ("broken", 'set user_namespaces = "off"')


def test_the_limit_of_what_containers_write_into_themselves_is_shown_with_its_cause() -> None:
    kept = check("container disk", layer_bound=LayerBound(size=10 * 1024**3))
    missing = check("container disk", layer_bound=LayerBound(why="podman can limit it only on XFS"))

    assert (kept.state, kept.text) == ("ok", "limited to 10G in each new container (`max_container_disk`)")
    assert (missing.state, missing.next) == ("ok", "")
    assert missing.text == "measured, not limited: podman can limit it only on XFS"
    assert check("container disk", layer_bound=None).text == "not tried"


def test_installing_podman_includes_its_dependencies() -> None:
    assert check("podman", podman=None) == Check(
        name="podman",
        state="broken",
        text="not installed",
        next="apt-get install podman runc catatonit netavark aardvark-dns iptables skopeo",
    )


def test_crun_on_a_machine_with_old_cgroups_is_replaced_by_runc() -> None:
    found = check("containers", podman=replace(PODMAN, runtime="crun"), trial=Trial(refusal="crun: invalid cgroup"))

    assert found.next == (
        "apt-get install runc && mkdir -p /etc/containers/containers.conf.d && "
        "printf '[engine]\\nruntime = \"runc\"\\n' > /etc/containers/containers.conf.d/50-engine.conf"
    )


@pytest.mark.parametrize(
    ("refusal", "repair"),
    [
        ("error setting rlimits for process", "default_ulimits"),
        ("netavark: unable to append rule: iptables", "apt-get install netavark iptables"),
        ("'overlay' is not supported over overlayfs", "apt-get install fuse-overlayfs"),
        ("something new", "fix what podman reports"),
    ],
)
def test_a_known_reason_for_a_failed_container_start_is_explained(refusal: str, repair: str) -> None:
    found = check("containers", trial=Trial(refusal=refusal))

    assert (found.state, found.text, repair in found.next) == ("broken", f"none starts: {refusal}", True)


@pytest.mark.parametrize("limit", [None, 2**63])
def test_a_memory_limit_that_does_not_hold_is_reported(limit: int | None) -> None:
    assert check("containers", trial=Trial(memory_limit=limit)).text == "one starts, but its memory limit does not hold"


def test_a_used_port_is_reported_with_a_free_one() -> None:
    found = check("ports", listeners={9080: "nginx", 9081: "nginx"})

    assert (found.state, found.text, found.next) == (
        "broken",
        "9080 (router_listen) is in use by nginx",
        "stop it, or `pvdify server install --set router_listen=127.0.0.1:9082`",
    )


def test_ports_of_this_server_and_of_a_web_server_in_front_are_accepted() -> None:
    found = check(
        "ports",
        listeners={9443: "pvdifyd", 9080: "haproxy", 80: "httpd", 443: "httpd", 3005: "app"},
        own_ports=frozenset({9443, 9080}),
    )

    assert (found.state, found.text) == (
        "ok",
        "9443, 9080 for pvdify; 3001-3999: 998 free for instances; httpd may keep 80 and 443",
    )


@pytest.mark.parametrize(
    ("disk", "state"),
    [
        (Disk(path=Path("/d"), free=100 * 1024**2, total=GB, free_inodes=None), "broken"),
        (Disk(path=Path("/d"), free=2 * GB, total=10 * GB, free_inodes=None), "warning"),
        (Disk(path=Path("/d"), free=90 * GB, total=100 * GB, free_inodes=10), "warning"),
        (Disk(path=Path("/d"), free=90 * GB, total=100 * GB, free_inodes=None), "ok"),
    ],
)
def test_the_fullest_disk_decides_the_verdict(disk: Disk, state: str) -> None:
    assert check("disk", disks=(*WELL.disks, disk)).state == state


def test_the_clock_of_a_shared_kernel_is_its_hosts() -> None:
    assert check("clock", is_openvz=True, is_clock_kept=False).state == "ok"


def test_logs_that_would_be_lost_or_dropped_are_reported() -> None:
    found = check("journal", journal=JournalSettings(storage="volatile", max_use="1G", max_age="1week", burst="1000"))

    assert found.text == "logs are lost at a reboot; lines are dropped when an app writes many"


def test_no_limit_at_all_drops_no_line() -> None:
    assert check("journal", journal=replace(WELL.journal, burst="0")).state == "ok"


@pytest.mark.parametrize(
    ("version", "word"), [(None, "does not run here"), ("HAProxy version 2.2.9-2", "older than 2.6")]
)
def test_a_router_that_cannot_be_used_is_reported(version: str | None, word: str) -> None:
    found = check("haproxy", haproxy=version)

    assert (found.state, word in found.text) == ("broken", True)
    assert found.next == ("apt-get install haproxy and `pvdify server install --set router_binary=/usr/sbin/haproxy`")


def test_a_firewall_that_drops_rules_of_others_is_reported() -> None:
    assert check("firewall", firewalls=("csf", "firewalld")).text.startswith("csf and firewalld: ")


def test_a_database_that_is_lost_or_damaged_is_broken_and_the_newest_copy_is_named() -> None:
    found = check("database", database_trouble="x/pvdify.db is damaged: malformed", database_copy="/srv/b.tar.gz")

    assert (found.state, found.text) == (
        "broken", "x/pvdify.db is damaged: malformed; the newest copy is /srv/b.tar.gz"
    )  # fmt: skip
    assert found.next.startswith("pvdify server restore FILE")


def test_the_routers_age_and_known_bugs_are_reported() -> None:
    assert check("haproxy").text == (
        "2.8.25-5cf5d0683 of 2026-06-26; known bugs: http://www.haproxy.org/bugs/bugs-2.8.25.html"
    )


@pytest.mark.parametrize(("today", "state"), [(date(2027, 6, 26), "ok"), (date(2027, 6, 27), "warning")])
def test_a_router_of_more_than_a_year_is_old(today: date, state: str) -> None:
    assert check("haproxy", today=today).state == state


@pytest.mark.parametrize(
    ("version", "state"), [("2.6.12-1+deb12u4", "ok"), ("2.8.16-1", "warning"), ("3.0.11-1", "warning")]
)
def test_the_distributions_own_haproxy_is_preferred_from_2_8_on(version: str, state: str) -> None:
    found = check("haproxy", distribution_haproxy=f"HAProxy version {version} 2026/10/01")

    assert found.state == state
    assert ("router_binary=/usr/sbin/haproxy" in found.next) == (state == "warning")


def test_a_router_chosen_by_the_operator_is_accepted() -> None:
    settings = replace(WELL.settings, router_binary="/opt/haproxy")

    assert check("haproxy", settings=settings, distribution_haproxy="HAProxy version 3.0.11 2026/10/01").state == "ok"
