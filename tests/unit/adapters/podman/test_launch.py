import json
import os
import signal
import subprocess
import sys

import pytest

from pvdify.adapters.podman import refusals
from pvdify.adapters.podman.instances import launch
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.instances.launcher import launcher_script, write_launcher
from pvdify.adapters.podman.stopper import read_stop_signal
from pvdify.cli.exit_codes import exit_code
from tests.support.writers import spec

PODMANS = "org.opencontainers.image.stopSignal"


def test_environment_variables_replace_existing_ones_and_other_settings_stay():
    config = {"process": {"args": ["/app"], "env": ["PATH=/bin", "GREETING=theirs", "EMPTY"]}, "root": {"path": "/"}}

    changed = launch.with_environment(config, {"GREETING": "ours", "LINES": "1\n2"})

    assert changed == {
        "process": {"args": ["/app"], "env": ["PATH=/bin", "EMPTY", "GREETING=ours", "LINES=1\n2"]},
        "root": {"path": "/"},
    }


def test_the_launcher_executes_conmon_with_a_changed_bundle(tmp_path):
    theirs, instance = tmp_path / "theirs", tmp_path / "with a 'space"
    theirs.mkdir()
    instance.mkdir()
    (theirs / "config.json").write_text(json.dumps({"process": {"env": ["A=1"]}, "annotations": {PODMANS: "3"}}))
    (instance / "environment").write_text(json.dumps({"B": "2"}))
    conmon = tmp_path / "real conmon"
    conmon.write_text('#!/bin/sh\nprintf "[%s]" "$@"\n')
    conmon.chmod(0o755)
    launcher = write_launcher(tmp_path / "logs", str(conmon))
    before = launcher.stat()

    done = subprocess.run(
        (launcher, "-c", "id", "-b", theirs, "--"), cwd=instance, capture_output=True, text=True, check=True
    )
    version = subprocess.run((launcher, "--version"), capture_output=True, text=True, check=True)

    ours = instance / "bundle" / "config.json"
    assert done.stdout == f"[-c][id][-b][{theirs}][--][-b][{ours.parent}]"
    assert version.stdout == "[--version]"
    assert json.loads(ours.read_text())["process"] == {"env": ["A=1", "B=2"]}
    assert read_stop_signal(str(instance)) == signal.SIGQUIT
    assert InstanceDir(instance).reaches_metadata  # without a network namespace, nothing could be refused
    assert ours.stat().st_mode & 0o777 == 0o600
    assert write_launcher(tmp_path / "logs", str(conmon)).stat() == before
    assert os.access(launcher, os.X_OK)


@pytest.fixture
def conmon(tmp_path):
    """A launcher whose conmon prints its arguments, and the bundle that podman passes."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "config.json").write_text(json.dumps({"process": {}}))
    conmon = tmp_path / "conmon"
    conmon.write_text('#!/bin/sh\nprintf "[%s]" "$@"\n')
    conmon.chmod(0o755)
    launcher = write_launcher(tmp_path / "logs", str(conmon))

    def run(instance, *arguments):
        instance.mkdir(exist_ok=True)
        (instance / "environment").write_text("{}")
        argv = (launcher, "-b", tmp_path / "theirs", *arguments)
        done = subprocess.run(argv, cwd=instance, capture_output=True, text=True, check=True)
        return done.stdout.partition(f"[{instance / 'bundle'}]")[2]

    return run


def test_conmon_writes_a_second_log_beside_the_journal(tmp_path, conmon):
    instance = tmp_path / "web"
    instance.mkdir()
    earlier = instance / "last-line.log"
    earlier.write_text("of the run before")
    earlier.chmod(0o644)

    added = conmon(instance, "-l", "journald")

    assert added == f"[-l][k8s-file:{earlier}][--log-size-max][65536]"
    assert earlier.read_text() == "begin\n"
    assert earlier.stat().st_mode & 0o777 == 0o600


def test_there_is_no_second_log_without_the_journal_or_where_it_cannot_be_written(tmp_path, conmon):
    colon, broken = tmp_path / "a:b", tmp_path / "broken"
    (broken / "last-line.log").mkdir(parents=True)

    added = (
        conmon(tmp_path / "web", "-l", "k8s-file:/log", "journald"), conmon(colon, "-l", "journald"),
        conmon(broken, "-l", "journald"),
    )  # fmt: skip

    assert added == ("", "", "")
    assert not (tmp_path / "web" / "last-line.log").exists()


def test_the_stop_signal_is_sigterm_where_podman_notes_none(tmp_path):
    (tmp_path / "bundle").mkdir()

    assert read_stop_signal(str(tmp_path)) == signal.SIGTERM
    for text in ("", "x", "0", "4711"):
        (tmp_path / "bundle" / "stop-signal").write_text(text)
        assert read_stop_signal(str(tmp_path)) == signal.SIGTERM


def test_the_script_quotes_its_paths():
    script = launcher_script("/usr/bin/conmon", sys.executable, "/a b/launch.py")

    assert f"exec {sys.executable} -IS '/a b/launch.py' /usr/bin/conmon \"$@\"" in script
    assert launch.ALLOWS_METADATA not in script


def test_metadata_services_are_reached_where_the_settings_say_so():
    script = launcher_script("/usr/bin/conmon", sys.executable, "/launch.py", allows_metadata=True)

    assert f"\nexport {launch.ALLOWS_METADATA}=1\nexec " in script


def test_a_full_disk_below_what_podman_starts_is_named_by_the_failed_start():
    with pytest.raises(OSError, match="No space left") as raised:
        launch.write("/dev/full", "{}")

    error = refusals.start_failed(spec(), f"Error: conmon failed: {type(raised.value).__name__}: {raised.value}")

    assert error.why.startswith("no space is left on a disk")
    assert exit_code(error) == 9


def config_with_network(network: dict[str, str]) -> dict[str, object]:
    return {"linux": {"namespaces": [{"type": "pid"}, {"type": "network", **network}]}}


def test_a_network_that_the_runtime_makes_is_filtered_by_a_hook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {**config_with_network({}), "hooks": {"createRuntime": [{"path": "/theirs"}], "poststop": []}}

    changed = launch.filter_network(config)

    first, hook = changed["hooks"]["createRuntime"]
    assert first == {"path": "/theirs"}
    assert hook["path"] == os.path.abspath(sys.executable)
    assert hook["args"][1:] == [
        "-IS",
        os.path.abspath(launch.__file__),
        "--filter",
        f"{tmp_path}/bundle/{launch.OPEN_MARK}",
    ]
    assert changed["hooks"]["poststop"] == []
    assert not (tmp_path / "bundle").exists()


def test_a_network_that_podman_made_has_no_hook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle").mkdir()
    config = config_with_network({"path": str(tmp_path / "no-such-namespace")})

    assert launch.filter_network(config) == config

    assert (tmp_path / "bundle" / launch.OPEN_MARK).exists()


def test_the_hook_never_filters_the_network_of_the_host(tmp_path):
    mark = tmp_path / "mark"
    state = json.dumps({"pid": os.getpid(), "id": "c1"})

    subprocess.run(
        (sys.executable, "-IS", launch.__file__, "--filter", str(mark)), input=state, text=True, check=True,
        env={"PATH": str(tmp_path)},
    )  # fmt: skip

    assert mark.exists()


def test_a_hook_without_a_container_fails_so_that_nothing_starts(tmp_path):
    done = subprocess.run(
        (sys.executable, "-IS", launch.__file__, "--filter", str(tmp_path / "mark")), input="", text=True,
        check=False, capture_output=True,
    )  # fmt: skip

    assert done.returncode != 0
