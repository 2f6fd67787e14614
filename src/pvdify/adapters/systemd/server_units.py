"""The units of the server itself, as text: pvdifyd, and the router with its listening socket. Pure.

They are apart, so that nothing that happens to pvdifyd reaches visitors. No secret is in them, and everything in them
is known to systemd 219 or passed over by it.
"""

from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.systemd.unit import command
from pvdify.settings import Address

DAEMON = "pvdifyd.service"
ROUTER = "pvdify-router.service"
ROUTER_SOCKET = "pvdify-router.socket"
WRITTEN_BY = "# Written at installation, and again at each upgrade; put changes into a drop-in (`systemctl edit`).\n"
WATCHDOG_SECONDS = 120
PATIENCE = 45  # seconds to finish answers and steps in, before the rest is killed


@dataclass(frozen=True, kw_only=True)
class RouterUnit:
    """What the router's unit depends on: where the program is, its configuration, and the directory of its socket."""

    binary: Path
    directory: Path
    config: str
    run_dir: Path


def daemon(executable: Path, settings: Path) -> str:
    """pvdifyd. It is ready when it answers, starts again whatever happened, and hangs for two minutes at most."""
    return f"""\
{WRITTEN_BY}[Unit]
Description=pvdify control plane
After=network.target {ROUTER}
Wants={ROUTER}

[Service]
Type=notify
NotifyAccess=main
ExecStart={command(str(executable), "--settings", str(settings))}
Restart=always
RestartSec=1
StartLimitInterval=0
WatchdogSec={WATCHDOG_SECONDS}
TimeoutStartSec=300
TimeoutStopSec={PATIENCE}
KillMode=mixed
UMask=0077
OOMScoreAdjust=-800

[Install]
WantedBy=multi-user.target
"""


def router_socket(listen: Address) -> str:
    """The socket that visitors' connections arrive at; systemd holds it, whatever becomes of the router."""
    return f"""\
{WRITTEN_BY}[Unit]
Description=pvdify router, listening socket

[Socket]
ListenStream={listen}
Backlog=4096
NoDelay=yes

[Install]
WantedBy=sockets.target
"""


def router(spec: RouterUnit) -> str:
    """HAProxy as master and worker.

    Stopping it only asks it to finish: KillMode=none, so that the next one need not wait for the last answer. It has
    nothing to start with before pvdifyd has written its configuration for the first time.
    """
    return f"""\
{WRITTEN_BY}[Unit]
Description=pvdify router
Requires={ROUTER_SOCKET}
After={ROUTER_SOCKET}
ConditionPathExists={spec.directory / spec.config}

[Service]
Type=simple
ExecStartPre={command("/bin/mkdir", "-p", "-m", "0700", str(spec.run_dir))}
ExecStart={command(str(spec.binary), "-W", "-C", str(spec.directory), "-f", spec.config)}
ExecReload=/bin/kill -USR2 $MAINPID
ExecStop=/bin/kill -USR1 $MAINPID
KillMode=none
Restart=always
RestartSec=100ms
StartLimitInterval=0
LogRateLimitIntervalSec=0
UMask=0077
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
"""
