"""Every example in help, README and docs is run against an engine on fakes, and ends as the page says.

It runs at a terminal of 80 columns, where times are relative and tables fit.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from pvdify.cli.exit_codes import DETACHED, DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.main import run_program
from pvdify.client.saved_login import SavedLogins, login_file, save
from tests.support.engine_server import EngineServer
from tests.support.example_world import IMAGES, RECIPIENT, furnish
from tests.unit.cli.test_examples import DOCUMENTED, FILES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # one that waits for ever must not hold up all others

# Examples that are not run here, and why.
ELSEWHERE = {
    "server": "changes this machine: tests/e2e/test_server.py has it done on a server with systemd",
    "doctor": "inspects this machine: tests/e2e/test_server.py",
}
SERVER_STAYS = {("server", "edge")}  # asks the API alone
# Addresses that stand for the reader's server.
SERVERS = ("https://apps.example.com", "https://pvdify.example.com", "https://staging.example.com")
FOLLOWS = {"-f", "--follow"}
WATCHED = {
    "run",
    "ps:exec",
    "services:connect",
    "tunnel",
}  # end after some seconds without a viewer, during which virtual time must not pass
# On stdin, by the beginning of the command line; the token for login, else the secret.
TYPED = {
    "notify:add": "https://hooks.slack.com/services/x",
    "backups:target /": "",
    "backups:target sftp:": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
    "backups:target s3:": "AWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=a-secret-value",
}
SECRET = "a-secret-value"
EXACT = {"logs", "services:logs", "jobs:run"}  # lines that apps wrote, each with its moment
MOMENT = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d")
TABLE = re.compile(r"^[A-Z]+(?: [A-Z]+)*(?: {2,}[A-Z]+(?: [A-Z]+)*)+$", re.MULTILINE)
EXAMPLES = sorted({words: page for page, words in reversed(DOCUMENTED)}.items(), key=lambda it: it[1])
COMMANDS = [(words, page) for words, page in EXAMPLES if words[0] not in ELSEWHERE or words[:2] in SERVER_STAYS]


class Interrupted(io.StringIO):
    """Raise KeyboardInterrupt after the first line, as Ctrl-C does."""

    def write(self, text: str) -> int:
        super().write(text)
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Ran:
    """The output and exit code of a command line."""

    code: int
    shown: str
    said: str


def run(words: tuple[str, ...], server: EngineServer, folder: Path) -> Ran:
    is_endless = bool(FOLLOWS & set(words)) or words[0] == "tunnel"
    stdout, stderr = (Interrupted() if is_endless else io.StringIO()), io.StringIO()
    environ = {"HOME": str(folder / "home"), "PVDIFY_URL": server.url, "PVDIFY_TOKEN": server.token, "EDITOR": "true",
               "PVDIFY_APP": "myapp"}  # fmt: skip
    typed = (text for begin, text in TYPED.items() if " ".join(words).startswith(begin))
    text = server.token if words[0] == "login" else next(typed, SECRET)
    surroundings = Surroundings(environ=environ, folder=folder, stdin=io.StringIO(f"{text}\n"))
    streams = Io(stdin=io.StringIO(f"{text}\n"), stdout=stdout, stderr=stderr, is_stdout_terminal=True)
    code = run_program(words, surroundings, streams)
    return Ran(code=code, shown=stdout.getvalue(), said=stderr.getvalue())


def substituted(words: tuple[str, ...], server: EngineServer, folder: Path) -> tuple[str, ...]:
    """Return the words with placeholders replaced by values of the test."""
    stand_ins = {
        **dict.fromkeys(SERVERS, server.url),
        "age1...": RECIPIENT,
        "/root/cloudflare-token": str(folder / "token"),
    }
    return tuple(stand_ins.get(word, word) for word in words)


@pytest.mark.parametrize(("words", "page"), COMMANDS, ids=[" ".join(words)[:70] for words, _ in COMMANDS])
def test_an_example_does_what_its_page_says(
    words: tuple[str, ...], page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name, content in {
        **FILES,
        "token": "cloudflare",
        **({} if words[0] == "init" else {"pvdify.yml": "app: myapp\n", "other.yml": ""}),
    }.items():
        (tmp_path / name).write_text(content)
    with EngineServer(standby="1s") as server:
        server.do(furnish(server.daemon, words, frozenset(it for it in words if IMAGES.fullmatch(it))))

        save(login_file({"HOME": str(tmp_path / "home")}), SavedLogins(url=server.url, names={"staging": server.url}))
        if words[0] in WATCHED:
            server.machine.clock.slow_down(0.2)
        ran = run(substituted(words, server, tmp_path), server, tmp_path)

    expected = DETACHED if FOLLOWS & set(words) or words[0] == "tunnel" else DONE
    assert ran.code == expected, f"{page}: pvdify {' '.join(words)}\n{ran.shown}{ran.said}"
    if not {words[0], *words} & {*EXACT, "--json"}:
        assert MOMENT.findall(ran.shown) == [], ran.shown
    if TABLE.search(ran.shown):
        assert max(map(len, ran.shown.splitlines())) <= 80, ran.shown


LONGEST = "a" * 34  # whose previews have names of 40 characters
LISTS = {
    "ps": ("apps", "status", f"ps {LONGEST}", f"releases {LONGEST}", f"domains {LONGEST}", f"domains:grants {LONGEST}",
           f"previews {LONGEST}", f"volumes {LONGEST}", f"jobs {LONGEST}", f"jobs:history {LONGEST}",
           f"github {LONGEST}", f"config {LONGEST}", f"config:history {LONGEST}", f"releases:diff {LONGEST} 41 42",
           "tokens", "users", "sessions", "registry", "notify", "notify:log", "events", "servers"),
    "services": ("services", "services:info db"),
    "backups": ("backups",),
}  # fmt: skip


@pytest.mark.parametrize("first", LISTS)
def test_every_list_fits_80_columns_with_the_longest_names(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    image = f"ghcr.io/some-organization/{LONGEST}:{'1a2b3c4d' * 5}"
    with EngineServer(standby="1s") as server:
        server.do(furnish(server.daemon, (first,), frozenset({image})))
        save(login_file({"HOME": str(tmp_path / "home")}), SavedLogins(url=server.url, names={"staging": server.url}))
        for change in (f"apps:rename myapp {LONGEST}", f"domains:grant {LONGEST} www.{LONGEST}.example.com",
                       f"deploy {LONGEST} --image {image}"):  # fmt: skip
            assert run(tuple(change.split()), server, tmp_path).code == DONE

        for line in LISTS[first]:
            ran = run(tuple(line.split()), server, tmp_path)
            assert ran.code == DONE, f"{line}\n{ran.said}"
            assert max(map(len, ran.shown.splitlines()), default=0) <= 80, f"{line}\n{ran.shown}"
            assert MOMENT.findall(ran.shown) == [], f"{line}\n{ran.shown}"


def test_examples_not_run_here_name_the_test_that_runs_them() -> None:
    left = {words[0] for words, _ in EXAMPLES} - {words[0] for words, _ in COMMANDS}
    text = (Path(__file__).parents[2] / "e2e" / "test_server.py").read_text()

    assert left <= set(ELSEWHERE)
    assert all(re.search(rf"\b{word}\b", text) for word in left)
