"""A disposable server with N apps loses its power: how soon the first and the last app answer after it is back."""

import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from bench.product import Figure
from tests.e2e.real_server import BASE_DOMAIN, REGISTRY, RealServer, build_wheel
from tests.support.images import build_image
from tests.support.waiting import PATIENCE

SIZES = (1, 50, 200)
ROUNDS = 2
DEPLOYS_AT_ONCE = 3
IMAGE = f"{REGISTRY}/tiny:v1"
MANIFEST = "processes: {web: {command: exec httpd -f -p $PORT -h /www}}\n"


def boots(sizes: tuple[int, ...] = SIZES) -> Iterator[Figure]:
    """Measure one server with more and more apps, one container each."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory, RealServer(build_wheel(Path(directory))) as server:
        server.install()
        _bring_image(server, Path(directory))
        made = 0
        for size in sizes:
            with ThreadPoolExecutor(DEPLOYS_AT_ONCE) as threads:
                list(threads.map(partial(_deploy, server), range(made, size)))
            made = size
            yield from _measure(server, size)
            server.start_registry()  # it does not start at a boot


def _bring_image(server: RealServer, directory: Path) -> None:
    archive = directory / "tiny.tar"
    subprocess.run(("podman", "save", "--quiet", "--output", str(archive), build_image(content="hello")), check=True)
    server.vps.write("/root/tiny.tar", archive.read_bytes())
    server.vps.write("/root/tiny.yml", MANIFEST)
    server.start_registry()
    server.vps.run(
        "skopeo", "copy", "--quiet", "--retry-times", "5", "--dest-tls-verify=false",
        "docker-archive:/root/tiny.tar", f"docker://{IMAGE}",
    )  # fmt: skip


def _deploy(server: RealServer, number: int) -> None:
    server.pvdify("deploy", f"app-{number}", "--image", IMAGE, "--manifest", "/root/tiny.yml")


def _measure(server: RealServer, size: int) -> Iterator[Figure]:
    firsts, lasts = zip(*(_booted(server, size) for _ in range(ROUNDS)), strict=True)
    many = f"with {size} app{'s' if size > 1 else ''}"
    yield Figure(name=f"boot after a power cut, until the first app answers {many}", value=_seconds(firsts))
    yield Figure(name=f"boot after a power cut, until all answer {many}", value=_seconds(lasts))


def _booted(server: RealServer, size: int) -> tuple[float, float]:
    """Return the seconds from power on until the first and the last app answer with 200."""
    host, _, port = server.visitors.partition(":")
    server.vps.cut_power()

    async def wait() -> list[float]:
        begun = time.monotonic()
        asking = (_answered(host, int(port), f"app-{number}.{BASE_DOMAIN}", size) for number in range(size))
        async with asyncio.timeout(PATIENCE + size):
            _, *answered = await asyncio.gather(asyncio.to_thread(server.vps.boot), *asking)
        return [at - begun for at in answered]

    taken = asyncio.run(wait())
    return min(taken), max(taken)


async def _answered(host: str, port: int, name: str, apps: int) -> float:
    """Return when the app first answers. Asks it so often that all apps together are asked 400 times a second."""
    while True:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                    if (await reader.readline()).split()[1:2] == [b"200"]:
                        return time.monotonic()
                finally:
                    writer.close()
        await asyncio.sleep(max(0.05, apps / 400))


def _seconds(taken: tuple[float, ...]) -> str:
    return f"{statistics.median(taken):.1f} s"
