"""A realistic server: systemd, podman, a remote registry, and pvdify installed from its wheel."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.vps import Vps
from tools import dist
from tools.demo.stage import CHECKOUT

BASE_DOMAIN = "apps.test"
PROGRAMS = "/opt/pvdify/bin"
REGISTRY = "127.0.0.1:5000"
REGISTRY_SETTINGS = f"""\
version: 0.1
storage: {{filesystem: {{rootdirectory: /srv/registry}}}}
http: {{addr: {REGISTRY}}}
"""


def build_wheel(directory: Path) -> Path:
    """The wheel of this checkout, with its requirements.txt beside it."""
    return dist.make(directory)


class RealServer:
    """Use as a context manager. Visitors reach it from this machine, at ``visitors``."""

    def __init__(self, wheel: Path) -> None:
        self._wheel = wheel
        self.vps = Vps()

    def __enter__(self) -> "RealServer":
        self.vps.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.vps.__exit__()

    @property
    def wheel_name(self) -> str:
        """The file that it was installed from."""
        return self._wheel.name

    @property
    def visitors(self) -> str:
        """The address at which visitors reach apps."""
        return f"{self.vps.address}:9080"

    def install(self) -> subprocess.CompletedProcess[str]:
        """As the README says it: a virtual environment, the wheel, `pvdify server install`."""
        self.bring_package()
        return self.pvdify("server", "install", "--base-domain", BASE_DOMAIN, "--set", "router_listen=0.0.0.0:9080")

    def bring_package(self, *options: str) -> None:
        """The commands are there, and nothing else of pvdify."""
        for file in (self._wheel, self._wheel.with_name("requirements.txt")):
            self.vps.write(f"/root/{file.name}", file.read_bytes())
        self.vps.run("python3", "-m", "venv", "/opt/pvdify")
        locked = ("--require-hashes", "--requirement", "requirements.txt")
        self.vps.run(f"{PROGRAMS}/pip", "install", "--quiet", *options, *locked)

    def start_registry(self) -> None:
        """It is not there any more after a boot."""
        self.vps.write("/srv/registry.yml", REGISTRY_SETTINGS)
        self.vps.run("systemd-run", "--quiet", "--unit=test-registry", "docker-registry", "serve", "/srv/registry.yml")

    def push_sample(self, version: str, *variables: str) -> str:
        """Build the sample app here and put it into the registry; its reference.

        Each server builds for itself: images of the same version are the same, and no other test shares this podman.
        """
        reference = f"{REGISTRY}/hello:{version}"
        self.vps.run(str(CHECKOUT / "tools" / "build-sample"), version, reference, *variables)
        self.vps.run(
            "skopeo", "copy", "--quiet", "--retry-times", "5", "--dest-tls-verify=false",
            f"containers-storage:{reference}", f"docker://{reference}",
        )  # fmt: skip
        self.vps.run("podman", "rmi", reference)
        return reference

    def pvdify(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The command line, as root on the server."""
        return self.vps.run(f"{PROGRAMS}/pvdify", *arguments, check=check)

    def ask(self, *arguments: str) -> Any:
        """Return the JSON output of a command."""
        return json.loads(self.pvdify(*arguments, "--json").stdout)

    def patch(self, path: str, body: object) -> None:
        """Change something through the API, as root on the server; the body comes by no argument."""
        argv = ("curl", "--silent", "--fail", "--unix-socket", "/run/pvdify/pvdifyd.sock", "--request", "PATCH")
        content = ("--header", "Content-Type: application/json", "--data-binary", "@-")
        self.vps.run(*argv, *content, f"http://pvdify/api/v1{path}", stdin=json.dumps(body).encode())

    def main_pid(self, unit: str) -> int:
        """Return the main process of a unit; 0 if there is none."""
        return int(self.vps.run("systemctl", "show", unit, "--property=MainPID").stdout.strip().partition("=")[2])

    def units(self, pattern: str = "pvdify-*-v*.service") -> list[str]:
        """The instances' units that are active."""
        listed = self.vps.run("systemctl", "list-units", "--plain", "--no-legend", "--state=active", pattern).stdout
        return [line.split()[0] for line in listed.splitlines() if line.split()]

    def events(self, app: str) -> list[dict[str, Any]]:
        """The newest first."""
        argv = (
            "curl", "--silent", "--unix-socket", "/run/pvdify/pvdifyd.sock",
            f"http://pvdify/api/v1/events?app={app}&limit=100",
        )  # fmt: skip
        found: list[dict[str, Any]] = json.loads(self.vps.run(*argv).stdout)["events"]
        return found
