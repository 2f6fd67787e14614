from pathlib import Path

from pvdify.adapters.systemd import server_units
from pvdify.adapters.systemd.server_units import RouterUnit
from pvdify.settings import Address

ROUTER = RouterUnit(
    binary=Path("/opt/pvdify/bin/haproxy"),
    directory=Path("/var/lib/pvdify/router"),
    config="haproxy.cfg",
    run_dir=Path("/run/pvdify"),
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
UMask=0077
OOMScoreAdjust=-800

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
ExecStartPre=/bin/mkdir -p -m 0700 /run/pvdify
ExecStart=/opt/pvdify/bin/haproxy -W -C /var/lib/pvdify/router -f haproxy.cfg
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
    )


def test_the_socket_is_where_visitors_arrive() -> None:
    text = server_units.router_socket(Address(host="::1", port=9080))

    assert "\nListenStream=[::1]:9080\n" in text
    assert "\nWantedBy=sockets.target\n" in text
