import json
from pathlib import Path

import pytest

from pvdify.installation.doctor import parse
from pvdify.installation.doctor.facts import Distribution, JournalSettings, Podman, Trial
from pvdify.installation.doctor.trial import LOOK, run_trial

ALMA = 'NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="AlmaLinux 8.10"\n'
PODMAN = {
    "host": {"ociRuntime": {"name": "crun"}, "cgroupVersion": "v2", "networkBackend": "netavark"},
    "store": {"graphDriverName": "overlay"},
    "version": {"Version": "4.9.4-rhel"},
}
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:24E3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 40211 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 40212 1 0 100 0 0 10 0
   2: 0100007F:24E3 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 40213 1 0 100 0 0 10 0
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ALMA, Distribution(name="AlmaLinux 8.10", family="rhel")),
        ("ID=debian\nPRETTY_NAME='Debian'\n", Distribution(name="Debian", family="debian")),
        ("ID=arch\n", Distribution()),
        ("", Distribution()),
    ],
)
def test_a_distribution_is_known_by_its_family(text: str, found: Distribution) -> None:
    assert parse.distribution(text) == found


def test_podman_as_it_describes_itself() -> None:
    assert parse.podman(json.dumps(PODMAN)) == Podman(
        version=(4, 9, 4), runtime="crun", cgroups="v2", network="netavark", storage="overlay"
    )


@pytest.mark.parametrize("text", ["", "Error: no", "{}", "[]"])
def test_other_output_is_not_podmans(text: str) -> None:
    assert parse.podman(text) is None


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("files=1024\nmemory=67108864\n", Trial(memory_limit=67108864, open_files=1024)),
        ("files=unlimited\nmemory=max\n", Trial()),
        ("", Trial()),
    ],
)
def test_limits_found_inside_a_container_are_parsed(printed: str, found: Trial) -> None:
    assert parse.trial(printed) == found


def test_only_listening_sockets_occupy_a_port() -> None:
    assert parse.listening_sockets(TCP) == {9443: {"40211"}, 80: {"40212"}}


def test_of_several_journal_files_the_last_decides() -> None:
    texts = ("[Journal]\n#Storage=auto\nSystemMaxUse=1G\n", "[Journal]\nSystemMaxUse=2G\nStorage=Persistent\n")

    assert parse.journal(texts) == JournalSettings(storage="persistent", max_use="2G")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("               Local time: Wed\nSystem clock synchronized: yes\n", True),
        ("      NTP enabled: yes\nNTP synchronized: no\n", False),
        ("", None),
    ],
)
def test_old_and_new_forms_of_timedatectl(text: str, found: bool | None) -> None:
    assert parse.is_clock_kept(text) is found


def test_memory_of_new_and_old_kernels() -> None:
    old = "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 10 kB\nCached: 200 kB\n"

    assert parse.memory(old + "MemAvailable:  400 kB\n") == (1024000, 409600)
    assert parse.memory(old) == (1024000, 317440)
    assert parse.memory("") == (None, None)


def test_the_trial_container_has_an_apps_limits_and_a_published_port() -> None:
    assert run_trial("podman", Path("/t/root"), ("usr",), 3999) == (
        "podman", "run", "--rm",
        "--memory", "67108864b", "--memory-swap", "67108864b", "--cpus", "0.5", "--pids-limit", "64",
        "--security-opt", "no-new-privileges", "--security-opt", "label=disable", "--cap-drop=all",
        "--network", "pvdify-doctor-trial", "--publish", "127.0.0.1:3999:8080", "--volume=/usr:/usr:ro",
        "--rootfs", "/t/root", "/bin/sh", "-c", LOOK,
    )  # fmt: skip
