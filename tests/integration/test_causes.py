"""Broken deploys on real podman with a scripted registry: the reported cause is the true one."""

import asyncio
import io
import struct
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pvdify.model.release import ReleaseStatus
from tests.e2e.trial import Trial
from tests.support.fake_registry import FakeRegistry, Scripted
from tests.support.images import BUSYBOX, file_system, missing_for_podman
from tests.support.real_machine import RealDaemon, RealMachine
from tools.free_port import free_port

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
SERVER = ["/bin/sh", "-c", "exec httpd -f -p $PORT -h /www"]
PLAIN = {"Env": ["PATH=/bin"], "ExposedPorts": {"8080/tcp": {}}}
AT_ONCE = 4  # deploys
HELM = "application/vnd.cncf.helm.config.v1+json"
QUICK = {"healthcheck": {"interval": "1s", "retries": 5}}
AT_PAGE = {"healthcheck": {"path": "/cgi-bin/health", "interval": "1s", "retries": 5, "timeout": "2s"}}
SPEAKS = ["/bin/busybox", "nc", "-ll", "-p", "8080", "-e", "/srv/says"]
KNOWS = 'case "$HTTP_HOST" in {}) echo "Status: 200 OK";; *) echo "Status: 400 Bad Request";; esac; echo; echo page'
SETFCAP_NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # security.capability: cap_net_raw=ep


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One kind of deploy: ``code`` and words of the cause it has to be given; no code: it has to go live."""

    name: str
    image: Callable[[FakeRegistry], str]
    code: str = ""
    why: str = ""
    manifest: dict[str, Any] = field(default_factory=dict)
    has_tls: bool = False  # its registry has a certificate that it signed itself


def made(tag: str, **config: Any) -> Callable[[FakeRegistry], str]:
    platform = config.pop("platform", "linux/amd64")
    layer = config.pop("layer", None) or file_system("fine")
    wanted = PLAIN | {"Cmd": SERVER} | config
    return lambda registry: registry.add_image("org/odd", tag, layer, platform=platform, **wanted)


def scripted(tag: str, **answer: Any) -> Callable[[FakeRegistry], str]:
    def add(registry: FakeRegistry) -> str:
        made(tag)(registry)
        return registry.script("org/odd", tag, Scripted(**answer))

    return add


def named(reference: str) -> Callable[[FakeRegistry], str]:
    return lambda registry: reference.replace("REGISTRY", registry.address)


def at_other_address(tag: str) -> Callable[[FakeRegistry], str]:
    """By an address that does not count as this machine's, so that HTTPS and a good certificate are required."""
    return lambda registry: made(tag)(registry).replace("127.0.0.1", "0.0.0.0")


def arm_only(registry: FakeRegistry) -> str:
    made("of-arm", platform="linux/arm64")(registry)
    return registry.add_index("org/odd", "arm-list", ("of-arm", "linux/arm64"), ("of-arm", "unknown/unknown"))


def with_file(name: str, content: bytes, *, mode: int = 0o755, capability: bytes = b"") -> bytes:
    """The usual file system with one file more."""
    buffer = io.BytesIO(file_system("fine"))
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), mode
        if capability:
            entry.pax_headers = {"SCHILY.xattr.security.capability": capability.decode("latin-1")}
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def page(script: str) -> bytes:
    """The usual file system with a page that a script answers: its only healthy path is /cgi-bin/health."""
    return with_file("www/cgi-bin/health", f"#!/bin/sh\n{script}\n".encode())


def says(script: str) -> bytes:
    """The usual file system with a program that answers connections in its own way."""
    return with_file("srv/says", f"#!/bin/sh\n{script}\n".encode())


def foreign_program() -> bytes:
    program = bytearray(BUSYBOX.read_bytes())
    program[18:20] = struct.pack("<H", 183)  # the machine that its header names: arm64
    return bytes(program)


# The IPv6 address that every network card gives itself; it takes a moment until programs can use it.
IPV6_ONLY = (
    "address=$(/bin/busybox ip -6 -o addr show dev eth0 | /bin/busybox sed 's/.*inet6 //; s,/.*,,; q'); "
    'until /bin/busybox httpd -p "[$address%eth0]:8080"; do sleep 0.2; done; exec sleep 1000'
)

KINDS = (
    # what a registry says
    Broken(name="no-tag", image=named("REGISTRY/org/odd:nosuch"), code="image-not-found", why="no tag nosuch"),
    Broken(name="tag-500", image=named("REGISTRY/org/odd:500"), code="image-not-found", why="no tag 500"),
    Broken(name="tag-403", image=named("REGISTRY/org/odd:403"), code="image-not-found", why="no tag 403"),
    Broken(name="no-repository", image=named("REGISTRY/org/none:v1"), code="image-not-found", why="no repository"),
    Broken(name="certificate", image=named("REGISTRY/org/certificate-service:v1"), code="image-not-found",
           why="no repository org/certificate-service"),
    Broken(name="forbidden", image=named("REGISTRY/org/forbidden-city:denied"), code="image-not-found",
           why="no repository org/forbidden-city"),
    Broken(name="denied", image=scripted("denied", status=403, code="DENIED"), code="registry-denied", why="HTTP 403"),
    Broken(name="no-login", image=scripted("login", status=401, code="UNAUTHORIZED",
                                           headers={"WWW-Authenticate": 'Basic realm="x"'}),
           code="registry-denied", why="not signed in there: HTTP 401"),
    Broken(name="rate", image=scripted("rate", status=429, code="TOOMANYREQUESTS", headers={"Retry-After": "3600"}),
           code="registry-rate-limited", why="asks to wait 3600 s"),
    Broken(name="away", image=scripted("away", status=503, body=b"busy"), code="registry-unavailable", why="HTTP 503"),
    Broken(name="one-503", image=scripted("one", status=503, body=b"busy", times=1)),
    Broken(name="short-rate", image=scripted("short", status=429, headers={"Retry-After": "1"}, times=8)),
    Broken(name="no listener", image=named(f"127.0.0.1:{free_port()}/org/odd:v1"), code="registry-unavailable",
           why="connection refused"),
    Broken(name="no-host", image=named("registry.invalid/org/odd:v1"), code="registry-unavailable",
           why="no such host"),
    Broken(name="own-certificate", image=at_other_address("tls"), has_tls=True, code="registry-unavailable",
           why="does not trust its certificate: "),
    Broken(name="no-tls", image=at_other_address("plain"), code="registry-unavailable",
           why="it does not speak HTTPS: "),
    Broken(name="page", image=scripted("page", status=200, body=b"<html>Sign in</html>",
                                       headers={"Content-Type": "text/html"}),
           code="not-an-image", why="a web page"),
    Broken(name="helm", image=lambda it: it.add_artifact("org/odd", "helm", HELM), code="not-an-image",
           why="a Helm chart"),
    Broken(name="artifact", image=lambda it: it.add_artifact("org/odd", "other", "application/x"), code="not-an-image",
           why="an artifact of the type application/x"),
    Broken(name="empty-list", image=lambda it: it.add_index("org/odd", "empty"), code="not-an-image", why="empty list"),
    Broken(name="arm-list", image=arm_only, code="wrong-platform", why="built for arm64; this server is amd64"),
    Broken(name="arm-image", image=made("arm", platform="linux/arm64"), code="wrong-platform",
           why="built for arm64; this server is amd64",
           manifest={"hooks": {"pre_deploy": ["echo hook > /dev/null"]}}),
    # what an image is like
    Broken(name="range", image=made("range", ExposedPorts={"8000-8002/tcp": {}})),
    Broken(name="odd-ports", image=made("ports", ExposedPorts={"8080": {}, "9/udp": {}})),
    Broken(name="no-port", image=made("noport", ExposedPorts={"x/tcp": {}}), code="start-failed", why="EXPOSE"),
    Broken(name="no-user", image=made("user", User="nosuch"), code="start-failed", why="no user nosuch"),
    Broken(name="no-group", image=made("group", User="0:nogroup"), code="start-failed", why="no group nogroup"),
    Broken(name="no-program", image=made("none", Cmd=["/srv/nothing"]), code="start-failed",
           why="the image has no program"),
    Broken(name="no-shell", image=made("noshell", layer=file_system("fine", has_shell=False), Cmd=["/bin/cat"]),
           manifest={"processes": {"web": {"command": "exec httpd"}}}, code="start-failed", why="no /bin/sh"),
    Broken(name="not-executable", image=made("mode", layer=with_file("srv/app", b"x", mode=0o644), Cmd=["/srv/app"]),
           code="start-failed", why="cannot be executed"),
    Broken(name="other-machine", image=made("elf", layer=with_file("srv/app", foreign_program()), Cmd=["/srv/app"]),
           code="probe-failed", why="made for another kind of machine"),
    Broken(name="capability", image=made("cap", layer=with_file("srv/busybox", BUSYBOX.read_bytes(),
                                                                 capability=SETFCAP_NET_RAW), User="10001",
                                         Cmd=["/srv/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]),
           code="start-failed", why="file capabilities"),
    Broken(name="capability-named", image=made("cap", layer=with_file("srv/busybox", BUSYBOX.read_bytes(),
                                                                       capability=SETFCAP_NET_RAW), User="10001",
                                               Cmd=["/srv/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]),
           manifest={"capabilities": ["NET_RAW"]}),
    Broken(name="large-environment", image=made("large", Env=["PATH=/bin", f"LARGE={'x' * 140_000}"]),
           code="start-failed", why="so large a command and environment"),
    # how it starts
    Broken(name="exits", image=made("exits", Cmd=["/bin/sh", "-c", "echo no database; exit 3"]), code="probe-failed",
           why="no database"),
    Broken(name="memory", image=made("memory", Cmd=["/bin/sh", "-c", "tail /dev/zero"]), code="probe-failed",
           why="its limit is 16M", manifest={"resources": {"memory": "16M"}}),
    Broken(name="wrong-port", image=made("port", Cmd=["/bin/busybox", "httpd", "-f", "-p", "9000"]),
           code="probe-failed", why="it listens on port 9000, not on 8080"),
    Broken(name="loopback", image=made("loop", Cmd=["/bin/busybox", "httpd", "-f", "-p", "127.0.0.1:8080"]),
           code="probe-failed", why="it listens only on 127.0.0.1:8080"),
    Broken(name="nothing-listens", image=made("sleep", Cmd=["/bin/sleep", "1000"]), code="probe-failed",
           why="nothing listens on port 8080"),
    Broken(name="no-page", image=made("page404"), code="probe-failed", why="it answered 404",
           manifest={"healthcheck": {"path": "/nosuch", "interval": "1s", "retries": 3}}),
    Broken(name="ipv6-loopback", image=made("six-loop", Cmd=["/bin/busybox", "httpd", "-f", "-p", "[::1]:8080"]),
           code="probe-failed", why="it listens only on [::1]:8080"),
    Broken(name="ipv6-only", image=made("six", Cmd=["/bin/sh", "-c", IPV6_ONLY]), code="probe-failed",
           why="for IPv6 only"),
    Broken(name="ipv6-and-loopback", code="probe-failed", why="for IPv6 only",
           image=made("six-both", Cmd=["/bin/sh", "-c", f"/bin/busybox httpd -p 127.0.0.1:8080; {IPV6_ONLY}"])),
    Broken(name="other-host", image=made("host", layer=page(KNOWS.format("localhost*"))), manifest=AT_PAGE,
           code="probe-failed", why="and 200 to the Host localhost: it accepts only hostnames that it knows; add odd-"),
    Broken(name="own-domain", image=made("domain", layer=page(KNOWS.format("shop.test"))), code="probe-failed",
           why="and 200 to the Host shop.test: it accepts only", manifest=AT_PAGE | {"domains": ["shop.test"]}),
    Broken(name="unknown-host", image=made("unknown", layer=page(KNOWS.format("elsewhere.test"))), manifest=AT_PAGE,
           code="probe-failed", why="it answered 400 to the Host odd-"),
    Broken(name="redirect", image=made("moved", layer=page('echo "Status: 301 Moved"; echo "Location: /login"; echo')),
           code="probe-failed", why="it answered 301, a redirect to /login", manifest=AT_PAGE),
    Broken(name="error", image=made("error", layer=page('echo "Status: 503 Busy"; echo; echo busy')),
           code="probe-failed", why="it answered 503", manifest=AT_PAGE),
    Broken(name="slow", image=made("slow", layer=page("exec sleep 30")), manifest=AT_PAGE, code="probe-failed",
           why="it took the connection, but gave no answer within 2 s"),
    Broken(name="not-http", image=made("ssh", layer=says("echo SSH-2.0-odd"), Cmd=SPEAKS), code="probe-failed",
           why="what listens on port 8080 does not speak HTTP"),
    Broken(name="greets-and-waits", image=made("mail", layer=says("echo 220 mail; exec sleep 60"), Cmd=SPEAKS),
           code="probe-failed", why="what listens on port 8080 does not speak HTTP"),
    Broken(name="hangs-up", image=made("hangs-up", layer=says("exit 0"), Cmd=SPEAKS), code="probe-failed",
           why="it closed the connection on port 8080 without an answer"),
    Broken(name="read-only", image=made("read-only", Cmd=["/bin/sh", "-c", "echo starts; echo 1 > /sys/app.db"]),
           code="probe-failed", why="Read-only file system"),
    Broken(name="last-words", image=made("words", Cmd=["/bin/busybox", "printf", "DATABASE_URL is not set"]),
           code="probe-failed", why="its last lines: DATABASE_URL is not set"),
    Broken(name="memory-at-the-check", code="probe-failed", why="its limit is 16M",
           image=made("grows", Cmd=["/bin/sh", "-c", "/bin/busybox nc -l -p 8080; exec tail /dev/zero"]),
           manifest={"resources": {"memory": "16M"}}),
    Broken(name="hook", image=made("plain"), manifest={"hooks": {"pre_deploy": ["exit 4"]}}, code="hook-failed"),
    Broken(name="worker", image=made("plain"), code="probe-failed", why="its last lines",
           manifest={"processes": {"web": {}, "worker": {"command": "echo bye; exit 1"}}}),
    Broken(name="hangs", image=scripted("hangs", status=200, hangs=True), code="registry-unavailable"),
)  # fmt: skip


@pytest.fixture(scope="module")
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        made("v1")(registry)
        yield registry


@pytest.fixture(scope="module")
def own_certificate() -> Iterator[FakeRegistry]:
    with FakeRegistry(has_tls=True) as registry:
        yield registry


@pytest.fixture
async def daemon() -> AsyncIterator[RealDaemon]:
    with Trial() as trial:
        machine = RealMachine(trial.stage, speed=1.0)
        await machine.open()
        daemon = RealDaemon(machine)
        await daemon.begin()
        yield daemon
        await daemon.end()
        await machine.close()


async def test_each_broken_deploy_is_given_its_true_cause(
    registry: FakeRegistry, own_certificate: FakeRegistry, daemon: RealDaemon
) -> None:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def wrong(number: int, kind: Broken) -> str:
        async with at_once:
            image = kind.image(own_certificate if kind.has_tls else registry)
            release = await daemon.deploy(f"odd-{number}", image, QUICK | kind.manifest)
        code, why = (release.failure.code, release.failure.why) if release.failure else ("", "")
        is_live = release.status is ReleaseStatus.ACTIVE
        is_right = code == kind.code and kind.why in why and is_live is not bool(kind.code)
        return "" if is_right else f"{kind.name}: {code or release.status.value}: {why}"

    found = await asyncio.gather(*(wrong(number, kind) for number, kind in enumerate(KINDS)))

    assert len([kind for kind in KINDS if kind.code]) >= 40
    assert [each for each in found if each] == []
