"""Two hundred secrets in everything that an app does, and then a search for them in every file that is left."""

import base64
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from ahocorasick_rs import BytesAhoCorasick

from tests.e2e.trial import Trial

CANARIES = {f"CANARY_{number}": f"c/{os.urandom(9).hex()}+'{number:03}" for number in range(200)}
PRINTS_ALL = 'set -x; env; env | base64; for name in $(seq 0 199); do eval : \\"\\$CANARY_$name\\"; done'
PLACES = (Path("/var/lib/containers/storage"), Path("/var/log/journal"), Path("/run/log/journal"))
LARGEST = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        trial.push("v1")
        trial.push("broken", "START_EXIT=3")
        trial.start()
        yield trial


def forms(value: str) -> tuple[bytes, ...]:
    raw = value.encode()
    return raw, base64.b64encode(raw), quote(value, safe="").encode(), raw.replace(b"'", b"'\\''")


STEMS = (value.split("+")[0].removeprefix("c/").encode() for value in CANARIES.values())
SEARCH = BytesAhoCorasick([*STEMS, *(form for value in CANARIES.values() for form in forms(value))])


def hits(content: bytes) -> int:
    """Return how many secrets the content contains."""
    return len(SEARCH.find_matches_as_indexes(content))


def files_with_secrets(folders: Iterable[Path]) -> list[str]:
    """Return every file below that contains a secret."""
    found = []
    for path in (path for folder in folders for path in folder.rglob("*")):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST and hits(path.read_bytes()):
                found.append(str(path))
    return found


def processes(names: tuple[str, ...]) -> list[str]:
    """Those of our own programs that have one in their arguments or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            arguments = (process / "cmdline").read_bytes()
            is_ours = any(name.encode() in arguments for name in names)
            if hits(arguments) or (is_ours and hits((process / "environ").read_bytes())):
                found.append(arguments.decode(errors="replace"))
    return found


def test_two_hundred_secrets_leave_no_trace(trial: Trial, tmp_path: Path):
    body = {name: {"value": value, "secret": True} for name, value in CANARIES.items()}
    trial.pvdify("apps:create", "hello")
    said = [str(trial.ask("PATCH", "/apps/hello/config", body))]
    telling, failing = tmp_path / "telling.yml", tmp_path / "failing.yml"
    telling.write_text(f"hooks: {{pre_deploy: [{json.dumps(PRINTS_ALL)}]}}\n")
    failing.write_text(f"hooks: {{pre_deploy: [{json.dumps(PRINTS_ALL + '; exit 9')}]}}\n")

    def run(*arguments: str) -> int:
        done = trial.pvdify(*arguments, check=False)
        said.append(done.stdout + done.stderr)
        return done.returncode

    codes = [
        run("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(telling)),
        run("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(failing)),
        run("deploy", "hello", "--image", trial.stage.image("broken"), "--manifest", str(telling)),
        run("deploy", "hello", "--image", trial.stage.image("v1")),
        run("rollback", "hello", "--version", "1"),
        run("run", "hello", "--json", "--", "/bin/sh", "-c", PRINTS_ALL),  # into a pipe it would be byte for byte
        run("config:set", "hello", "--secret", "CANARY_0=another-value"),
        run("logs", "hello"),
        *(run("logs", "hello", "--deploy", "--release", str(number)) for number in (1, 2, 3)),
    ]
    trial.kill()
    trial.start()
    answers = ["/apps", "/apps/hello", "/apps/hello/config", "/apps/hello/releases", "/events", "/status",
               "/apps/hello/logs?lines=1000", "/apps/hello/processes"]  # fmt: skip
    answers += [f"/apps/hello/releases/{number}{log}" for number in range(1, 6) for log in ("", "/log")]
    said += [str(trial.ask("GET", path)[1]) for path in answers]

    assert codes[:6] == [0, 8, 7, 0, 0, 0], said
    assert "***" in "".join(said)
    assert [text for text in said if hits(text.encode())] == []
    assert files_with_secrets((trial.stage.data_dir, trial.stage.log.parent)) == []
    assert files_with_secrets(PLACES) == []
    assert processes(("pvdifyd", "haproxy", "conmon")) == []
