from pathlib import Path

from pvdify.adapters.systemd import unit
from pvdify.adapters.systemd.unit import Mark
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.plumbing.containers import Launch
from tests.support.endpoints import exposed, here

LAUNCH = Launch(
    directory=Path("/run/i"),
    before=(("/bin/rm", "-rf", "/run/i/cid"), ("/bin/ln", "-sfn", ".", "/run/i/gate")),
    make_network=("podman", "network", "create", "shop"),
    run=("podman", "run", "--name", "shop", "f00d", "/bin/sh", "-c", 'echo "$HOME" 100%\nexit'),
    after=("/bin/rm", "-f", "/run/i/gate"),
    end_processes=("python", "stopper.py", "/run/i"),
    stop=("podman", "stop"),
    remove=("podman", "rm"),
    exit_code=("podman", "inspect", "--format", "{{.State.ExitCode}}", "shop"),
    id_file=Path("/run/i/cid"),
    restarts_file=Path("/run/i/restarts"),
    memory_mark=Path("/run/i/oom"),
)
KEEPER = Path("/run/keeper.sh")
UNIT = """\
# Written by pvdifyd, and again at each boot; changes are overwritten.
[Unit]
Description=pvdify shop web.1 v42

[Service]
Type=notify
NotifyAccess=all
WorkingDirectory=/run/i
ExecStartPre=/bin/sh /run/keeper.sh before /run/i/cid /run/i/restarts podman rm
ExecStartPre=/bin/rm -rf /run/i/cid
ExecStartPre=/bin/ln -sfn . /run/i/gate
ExecStartPre=-/bin/sh /run/keeper.sh try podman network create shop
ExecStart=/bin/sh /run/keeper.sh start podman run --name shop f00d /bin/sh -c "echo \\"$$HOME\\" 100%%\\nexit"
ExecStartPost=-/bin/sh /run/keeper.sh started
ExecStartPost=-/bin/rm -f /run/i/gate
ExecStop=-/bin/sh /run/keeper.sh end python stopper.py /run/i
ExecStop=-/bin/sh /run/keeper.sh stop podman stop
ExecStopPost=-/bin/sh /run/keeper.sh ended /run/i/cid /run/i/oom podman inspect --format "{{.State.ExitCode}}" shop
ExecStopPost=-/bin/rm -f /run/i/gate
Restart=always
RestartSec=1
StartLimitInterval=0
TimeoutStartSec=240
TimeoutStopSec=70
SuccessExitStatus=143
KillMode=mixed
LimitCORE=0
LogRateLimitIntervalSec=0

[X-Pvdify]
Server=abc
Name=pvdify-shop-web-v42-1
App=shop
Process=web
Slot=42
Number=1
Role=instance
Operation=op7
Host=127.0.0.1
Port=3001
"""


def make_spec(**parts) -> InstanceSpec:
    usual = {
        "name": "pvdify-shop-web-v42-1",
        "app": "shop",
        "process": "web",
        "slot": 42,
        "number": 1,
        "operation": "op7",
        "image_id": "f00d",
        "environment": {"PASSWORD": Secret("hunter2")},
        "exposed": exposed(3001),
        "limits": Limits(memory=512 * 1024**2),
        "stop_timeout": 9.5,
    }
    return InstanceSpec(**(usual | parts))


def build(spec: InstanceSpec, version: int = 252) -> str:
    return unit.build(spec, LAUNCH, "abc", KEEPER, version=version)


def test_an_instance_has_one_unit_that_systemd_keeps_running():
    assert build(make_spec()) == UNIT


def test_no_config_var_is_in_it():
    assert "hunter2" not in build(make_spec())
    assert "PASSWORD" not in build(make_spec())


def test_a_hook_runs_once():
    text = build(make_spec(role=Role.HOOK))

    assert "Restart=no\n" in text
    assert "RestartSec" not in text


def test_an_old_systemd_gets_no_unknown_directives():
    assert "LogRateLimitIntervalSec" not in build(make_spec(), version=239)


def test_the_mark_of_a_unit_names_its_server_and_instance():
    assert unit.read_mark(UNIT) == Mark(
        server="abc", name="pvdify-shop-web-v42-1", app="shop", process="web", slot=42, number=1, role=Role.INSTANCE,
        operation="op7", endpoint=here(3001)[0],
    )  # fmt: skip
    assert unit.read_mark(build(make_spec(exposed=NO_ROUTE))).endpoint is NO_ROUTE


def test_the_mark_of_an_earlier_version_named_a_port_of_loopback():
    earlier = "".join(line for line in build(make_spec()).splitlines(keepends=True) if not line.startswith("Host="))

    assert unit.read_mark(earlier).endpoint == here(3001)[0]
    assert unit.read_mark("[Unit]\nDescription=another program's\n") is None


def test_long_commands_are_split_into_lines_that_old_versions_accept():
    text = unit.command("podman", *(f"--label=number={number}" for number in range(200)))

    assert max(map(len, text.split("\n"))) < 130
    assert text.replace("\\\n    ", "").count("--label") == 200
