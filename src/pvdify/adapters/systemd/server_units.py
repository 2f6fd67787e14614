"""The texts of the server's own units: pvdifyd, the router, and the router's listening socket. Pure.

The router is a separate unit, so that a crash or restart of pvdifyd does not affect visitors. The texts contain no
secret. systemd 219 either knows a setting or ignores it.
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
ROUTER_FILES = 65536  # open files; two for each connection, including those of workers that a reload replaced
CONFINED_SINCE = 238  # the first systemd with TemporaryFileSystem=
TRIAL = (  # the restrictions that may fail when the server itself is a container; all exist in systemd 238
    "ProtectSystem=strict", "ProtectHome=tmpfs", "TemporaryFileSystem=/mnt:ro", "BindReadOnlyPaths=/usr",
    "PrivateTmp=yes", "PrivateDevices=yes", "ProtectKernelTunables=yes", "CapabilityBoundingSet=",
    "NoNewPrivileges=yes", "RestrictNamespaces=yes", "SystemCallFilter=@system-service",
)  # fmt: skip
NEWLINE = "\n"
DAEMON_FILES = 8192  # open files; pvdifyd never uses more
CONTAINER_FILES = 524288  # open files; containers may raise their limit to this; systemd before 230 ignores the line
PATIENCE = 45  # seconds to finish requests and steps after SIGTERM, before systemd sends SIGKILL


@dataclass(frozen=True, kw_only=True)
class RouterUnit:
    """The values in the router's unit. ``run_dir``: the directory of the router's command socket.

    The router's user cannot enter ``data_dir``, a parent of ``directory``, nor ``closed``, a parent of ``binary``.
    """

    binary: Path
    directory: Path
    config: str
    run_dir: Path
    data_dir: Path
    closed: Path | None = None
    is_confined: bool = True


_RESTRICTIONS = """\
# pvdifyd runs as root and starts podman, and containers inherit its restrictions. So few restrictions are possible:
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
"""


def daemon(executable: Path, settings: Path) -> str:
    """Return pvdifyd's unit.

    systemd waits until pvdifyd answers, always restarts pvdifyd, and kills a pvdifyd that hangs for two minutes.
    """
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

{_RESTRICTIONS}
[Install]
WantedBy=multi-user.target
"""


def router_socket(listen: Address) -> str:
    """Return the unit of the socket for visitors' connections. systemd keeps the socket while the router restarts."""
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
    """Return the router's unit: HAProxy as master and worker, as an unprivileged user if ``is_confined``.

    A stop only signals HAProxy to finish: with KillMode=none the next HAProxy starts without waiting for open requests.
    systemd skips the start until pvdifyd has written the configuration for the first time.
    """
    confinement = _confinement(spec) if spec.is_confined else _as_root(spec)
    signaller = (
        "+/bin/kill" if spec.is_confined else "/bin/kill"
    )  # as root: the running HAProxy may be from before the unit had a user
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
    """Return the settings without confinement, for systemd before 238, which lacks TemporaryFileSystem=."""
    return f"ExecStartPre={command('/bin/mkdir', '-p', '-m', '0700', str(spec.run_dir))}\n"


def _confinement(spec: RouterUnit) -> str:
    """Return the settings that confine the router. It can still connect to any address and read its own files."""
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
