"""Disposable servers with systemd, a network address and a power switch: a tool beside the checkout makes them.

``PVDIFY_VPS_OPTIONS=--own-kernel`` makes them with a kernel of their own and cgroup v2: slower, and nearer the truth.
"""

import os
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
NETWORKS = "/etc/containers/networks"
TOOL = Path(os.environ.get("PVDIFY_VPS", CHECKOUT.parent / "shared" / "vps" / "vps"))
PATIENT = 800  # seconds


def missing_for_vps() -> str | None:
    """Why there can be no disposable server here; None if there can."""
    if os.geteuid() != 0:
        return "disposable servers need root"
    return None if shutil.which(TOOL) else f"no tool that makes disposable servers at {TOOL}; PVDIFY_VPS names another"


class Vps:
    """One server. Use as a context manager: it boots, and is removed completely at the end."""

    def __init__(self, *, binds: Sequence[str] = ()) -> None:
        self.name = f"pvdify-{uuid.uuid4().hex[:6]}"
        self._options = tuple(word for bind in binds for word in ("--bind", bind))
        self._options += tuple(shlex.split(os.environ.get("PVDIFY_VPS_OPTIONS", "")))

    def __enter__(self) -> "Vps":
        self._tool("down")
        self.boot(*self._options)
        # Its disk begins as a view of this machine's, where tests make networks meanwhile: it would have those, too.
        self.run("sh", "-c", f"rm -rf {NETWORKS} && mkdir --mode=700 {NETWORKS}")
        return self

    def __exit__(self, *_: object) -> None:
        self._tool("down")

    def boot(self, *options: str) -> None:
        """Boot, and wait until systemd has started everything."""
        self._tool("up", *options)

    def cut_power(self) -> None:
        """Kill everything in it at once; its disk is kept."""
        self._tool("kill-power")

    @property
    def address(self) -> str:
        """Its IP address."""
        return self._tool("ip").strip()

    def run(
        self, *argv: str, stdin: bytes = b"", directory: str = "/root", check: bool = True, timeout: float = PATIENT
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program in it, as root."""
        done = subprocess.run(
            (str(TOOL), "exec", "--name", self.name, "--cwd", directory, "--", *argv), check=False, capture_output=True,
            input=stdin, env=_environment(), timeout=timeout,
        )  # fmt: skip
        text = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
        assert not check or text.returncode == 0, f"{' '.join(argv)}:\n{text.stdout[-3000:]}\n{text.stderr[-3000:]}"
        return text

    def write(self, path: str, content: str | bytes) -> None:
        """A file in it."""
        data = content.encode() if isinstance(content, str) else content
        self.run("/bin/sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', path, stdin=data)

    def _tool(self, *arguments: str) -> str:
        done = subprocess.run(
            (str(TOOL), arguments[0], "--name", self.name, *arguments[1:]), check=False, capture_output=True,
            text=True, stdin=subprocess.DEVNULL, timeout=PATIENT,
        )  # fmt: skip
        assert done.returncode == 0 or arguments[0] == "down", f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout


def _environment() -> dict[str, str]:
    """Ours, without what pvdify reads and without what a login would not have."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PVDIFY_", "VIRTUAL_ENV", "XDG"))}
