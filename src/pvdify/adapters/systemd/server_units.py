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
ROUTER_USER = "pvdify-router"
ROUTER_FILES = 65536  # two for each connection, and those of the processes that it replaces
CONFINED_SINCE = 238  # systemd's version that knows TemporaryFileSystem=
TRIAL = (  # of the confinement below, what a container's kernel may refuse; known to systemd 238
    "ProtectSystem=strict", "ProtectHome=tmpfs", "TemporaryFileSystem=/mnt:ro", "BindReadOnlyPaths=/usr",
    "PrivateTmp=yes", "PrivateDevices=yes", "ProtectKernelTunables=yes", "CapabilityBoundingSet=",
    "NoNewPrivileges=yes", "RestrictNamespaces=yes", "SystemCallFilter=@system-service",
)  # fmt: skip
NEWLINE = "\n"
DAEMON_FILES = 8192  # as many as pvdifyd makes use of
CONTAINER_FILES = 524288  # what it starts may raise its own limit; systemd before 230 passes over the line
PATIENCE = 45  # seconds to finish answers and steps in, before the rest is killed


@dataclass(frozen=True, kw_only=True)
class RouterUnit:
    """What the router's unit depends on: where the program is, its configuration, and the directory of its socket.

    ``data_dir`` is above ``directory`` and closed to the router's user, as is ``closed`` above ``binary``, if any.
    """

    binary: Path
    directory: Path
    config: str
    run_dir: Path
    data_dir: Path
    closed: Path | None = None
    is_confined: bool = True


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
LimitNOFILE={DAEMON_FILES}:{CONTAINER_FILES}
UMask=0077
OOMScoreAdjust=-800

# It is root and starts podman, whose containers inherit from it. So the list of what it cannot do is short:
# - podman mounts file systems that all processes have to see: no mount namespace of its own, and with it no
#   ProtectSystem, PrivateTmp, PrivateDevices, ProtectHome or ProtectKernelTunables.
# - images may hold programs with setuid bits, capabilities or another architecture: no RestrictSUIDSGID and no
#   SystemCallArchitectures.
# - the OCI runtime makes namespaces, cgroups and filters of system calls, and containers need system calls that no one
#   knows beforehand: no RestrictNamespaces and ProtectControlGroups, and a SystemCallFilter= only of what is refused.
# - SELinux and AppArmor do not change a program's domain under NoNewPrivileges. Containers have their own setting.
# - Of a container that `pvdify run` starts, the OCI runtime sets the host name: no ProtectHostname.
# - netavark's iptables may have the kernel load modules: CAP_SYS_MODULE and @module stay. Where podman keeps quotas on
#   XFS it makes a device: no DevicePolicy, and no ProtectClock, which implies one.
CapabilityBoundingSet=~CAP_SYS_BOOT CAP_SYS_TIME CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_SYS_PACCT CAP_SYS_TTY_CONFIG
CapabilityBoundingSet=~CAP_SYS_RAWIO CAP_LINUX_IMMUTABLE CAP_LEASE CAP_IPC_OWNER
CapabilityBoundingSet=~CAP_SYSLOG CAP_AUDIT_CONTROL CAP_AUDIT_READ
SystemCallFilter=~@raw-io @reboot @swap @obsolete
SystemCallErrorNumber=EPERM
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
RestrictRealtime=yes
LockPersonality=yes
KeyringMode=private

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
    """HAProxy as master and worker, as a user without rights of its own where systemd can do that.

    Stopping it only asks it to finish: KillMode=none, so that the next one need not wait for the last answer. It has
    nothing to start with before pvdifyd has written its configuration for the first time.
    """
    confinement = _confinement(spec) if spec.is_confined else _as_root(spec)
    signaller = (
        "+/bin/kill" if spec.is_confined else "/bin/kill"
    )  # by root: what runs may be from before there was a user
    return f"""\
{WRITTEN_BY}[Unit]
Description=pvdify router
Requires={ROUTER_SOCKET}
After={ROUTER_SOCKET}
ConditionPathExists={spec.directory / spec.config}

[Service]
Type=simple
ExecStart={command(str(spec.binary), "-W", "-C", str(spec.directory), "-f", spec.config)}
ExecReload={signaller} -USR2 $MAINPID
ExecStop={signaller} -USR1 $MAINPID
KillMode=none
Restart=always
RestartSec=100ms
StartLimitInterval=0
LogRateLimitIntervalSec=0
UMask=0077
LimitNOFILE={ROUTER_FILES}
OOMScoreAdjust=-900
{confinement}
[Install]
WantedBy=multi-user.target
"""


def _as_root(spec: RouterUnit) -> str:
    """systemd before 238 cannot show a directory to a program without showing those above it."""
    return f"ExecStartPre={command('/bin/mkdir', '-p', '-m', '0700', str(spec.run_dir))}\n"


def _confinement(spec: RouterUnit) -> str:
    """What the router cannot do. Left to it: connections to any address, and the files that it reads."""
    hidden = dict.fromkeys((spec.data_dir, *([spec.closed] if spec.closed else [])))
    shown = dict.fromkeys((spec.directory, spec.binary.parent))
    return f"""
# Its user owns nothing but the directory of its sockets. pvdifyd writes what it reads.
User={ROUTER_USER}
Group={ROUTER_USER}
RuntimeDirectory={spec.run_dir.name}
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=
NoNewPrivileges=yes

# It sees its program and its configuration, and of the server's data nothing else.
ProtectSystem=strict
ProtectHome=tmpfs
{"".join(f"TemporaryFileSystem={path}:ro{NEWLINE}" for path in hidden)}\
{"".join(f"BindReadOnlyPaths={path}{NEWLINE}" for path in shown)}\
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProcSubset=pid
ProtectControlGroups=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectHostname=yes
RemoveIPC=yes

# It answers on the socket that systemd passes, asks instances on loopback, and has a socket for commands.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""
