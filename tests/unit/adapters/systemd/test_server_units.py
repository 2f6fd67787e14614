from dataclasses import replace
from pathlib import Path

from pvdify.adapters.systemd import server_units
from pvdify.adapters.systemd.server_units import RouterUnit
from pvdify.settings import Address

ROUTER = RouterUnit(
    binary=Path("/opt/pvdify/bin/haproxy"),
    directory=Path("/var/lib/pvdify/router"),
    config="haproxy.cfg",
    run_dir=Path("/run/pvdify-router"),
    data_dir=Path("/var/lib/pvdify"),
)


def test_the_whole_unit_of_pvdifyd() -> None:
    assert server_units.daemon(Path("/opt/pvdify/bin/pvdifyd"), Path("/etc/pvdify/pvdifyd.toml")) == (
        """\
# Written at installation, and again at each upgrade; put changes into a drop-in (`systemctl edit`).
[Unit]
Description=pvdify control plane
After=network.target pvdify-router.service
Wants=pvdify-router.service

[Service]
Type=notify
NotifyAccess=main
ExecStart=/opt/pvdify/bin/pvdifyd --settings /etc/pvdify/pvdifyd.toml
Restart=always
RestartSec=1
StartLimitInterval=0
WatchdogSec=120
TimeoutStartSec=300
TimeoutStopSec=45
KillMode=mixed
LimitNOFILE=8192:524288
UMask=0077
OOMScoreAdjust=-800

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

[Install]
WantedBy=multi-user.target
"""
    )


def test_the_whole_unit_of_the_router() -> None:
    assert server_units.router(ROUTER) == (
        """\
# Written at installation, and again at each upgrade; put changes into a drop-in (`systemctl edit`).
[Unit]
Description=pvdify router
Requires=pvdify-router.socket
After=pvdify-router.socket
ConditionPathExists=/var/lib/pvdify/router/haproxy.cfg

[Service]
Type=simple
ExecStart=/opt/pvdify/bin/haproxy -W -C /var/lib/pvdify/router -f haproxy.cfg
ExecReload=+/bin/kill -USR2 $MAINPID
ExecStop=+/bin/kill -USR1 $MAINPID
KillMode=none
Restart=always
RestartSec=100ms
StartLimitInterval=0
LogRateLimitIntervalSec=0
UMask=0077
LimitNOFILE=65536
OOMScoreAdjust=-900

# Its user owns nothing but the directory of its sockets. pvdifyd writes what it reads.
User=pvdify-router
Group=pvdify-router
RuntimeDirectory=pvdify-router
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=
NoNewPrivileges=yes

# It sees its program and its configuration, and of the server's data nothing else.
ProtectSystem=strict
ProtectHome=tmpfs
TemporaryFileSystem=/var/lib/pvdify:ro
BindReadOnlyPaths=/var/lib/pvdify/router
BindReadOnlyPaths=/opt/pvdify/bin
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

[Install]
WantedBy=multi-user.target
"""
    )


def test_a_program_in_a_private_directory_is_bind_mounted_for_the_router() -> None:
    """`pipx` and `uv tool` install into root's home."""
    closed = replace(ROUTER, binary=Path("/srv/private/venv/bin/haproxy"), closed=Path("/srv/private"))

    text = server_units.router(closed)

    assert "\nTemporaryFileSystem=/srv/private:ro\n" in text
    assert "\nBindReadOnlyPaths=/srv/private/venv/bin\n" in text


def test_an_old_systemd_runs_the_router_as_before() -> None:
    text = server_units.router(replace(ROUTER, is_confined=False))

    assert "\nExecStartPre=/bin/mkdir -p -m 0700 /run/pvdify-router\n" in text
    assert "User=" not in text


def test_the_socket_unit_listens_on_the_routers_addresses() -> None:
    text = server_units.router_socket(Address(host="::1", port=9080))

    assert "\nListenStream=[::1]:9080\n" in text
    assert "\nWantedBy=sockets.target\n" in text
