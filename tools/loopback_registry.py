"""An image registry of one's own on loopback, for trials: `python -m tools.loopback_registry DIRECTORY`.

Without TLS: clients need `--tls-verify=false`. Without passwords, too, unless it is given some.
"""

import argparse
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tools.free_port import free_port

STARTS_WITHIN_SECONDS = 15
STOPS_WITHIN_SECONDS = 10


class LoopbackRegistry:
    """A docker-registry process that keeps its images in ``directory``.

    Use as a context manager. ``address`` is what an image reference begins with: ``127.0.0.1:43211``. ``passwords``:
    user -> password; with any, no other client gets or puts images.
    """

    def __init__(self, directory: Path, port: int | None = None, *, passwords: Mapping[str, str] | None = None) -> None:
        self._passwords = dict(passwords or {})
        self._directory = directory.absolute()
        self._port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError with its last words."""
        self._directory.mkdir(parents=True, exist_ok=True)
        settings = self._directory / "registry.json"
        self._write_passwords()
        settings.write_text(json.dumps(self._settings()), encoding="utf-8")  # JSON is YAML
        log = self._directory / "registry.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ("docker-registry", "serve", str(settings)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the program that stops it
            )
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                last_words = log.read_text(errors="replace")[-1000:]
                raise RuntimeError(f"docker-registry did not start on {self.address}: {last_words}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it; once is enough."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _settings(self) -> dict[str, object]:
        storage = {"filesystem": {"rootdirectory": str(self._directory / "images")}, "delete": {"enabled": True}}
        settings = {"version": 0.1, "log": {"level": "warn"}, "storage": storage, "http": {"addr": self.address}}
        wanted = {"auth": {"htpasswd": {"realm": "images", "path": str(self._password_file)}}}
        return settings | (wanted if self._passwords else {})

    def _write_passwords(self) -> None:
        if self._passwords:
            import bcrypt

            hashed = {user: bcrypt.hashpw(it.encode(), bcrypt.gensalt(4)) for user, it in self._passwords.items()}
            lines = (f"{user}:{it.decode()}\n" for user, it in hashed.items())
            self._password_file.write_text("".join(lines), encoding="ascii")

    @property
    def _password_file(self) -> Path:
        return self._directory / "htpasswd"

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/v2/", timeout=2) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            return error.code == 401
        except (urllib.error.URLError, OSError):
            return False


def main() -> None:
    parser = argparse.ArgumentParser(description="Run an image registry on loopback until Ctrl-C.")
    parser.add_argument("directory", type=Path, help="where it keeps its images")
    parser.add_argument("--port", type=int, help="default: a free one")
    arguments = parser.parse_args()
    with LoopbackRegistry(arguments.directory, arguments.port) as registry:
        print(f"registry at {registry.address}; Ctrl-C stops it", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
