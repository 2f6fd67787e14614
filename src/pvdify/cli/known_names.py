"""Names from the server for completion: with a time limit, a cache, and no errors."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pvdify.cli.completing import Candidate
from pvdify.client.saved_login import cache_folder, load, login_file, write_private
from pvdify.client.target import Target, find_target
from pvdify.errors import PvdifyError

if TYPE_CHECKING:
    from pvdify.client.api import Client

SECONDS = 1.0  # the longest wait for the server after a key press
FRESH = 10.0  # seconds for which an answer, or a failure, is not requested again
KEPT = 86_400.0  # seconds for which an old answer is used if the server does not answer
MOST = 50  # releases to request


class KnownNames:
    """A source of names; asks the server at most once for each kind.

    ``clock`` is the time of day in seconds, because the cached answers outlive this process.
    """

    def __init__(
        self, environ: Mapping[str, str], *, url: str | None = None, server: str | None = None,
        clock: Callable[[], float] = time.time, seconds: float = SECONDS,
    ) -> None:  # fmt: skip
        self._environ, self._url, self._server = environ, url, server
        self._clock, self._seconds = clock, seconds

    def __call__(self, kind: str, app: str | None) -> list[Candidate]:
        """Return names of this kind; of this app if the kind needs an app."""
        try:
            if kind == "SERVER":
                return [Candidate(name, url) for name, url in load(login_file(self._environ)).names.items()]
            target = find_target(self._url, self._environ, server=self._server)
        except PvdifyError:
            return []
        return self._kept_or_asked(target, kind, app)

    def _kept_or_asked(self, target: Target, kind: str, app: str | None) -> list[Candidate]:
        file = cache_folder(self._environ) / "names.json"
        key, now, kept = f"{target.endpoint.url} {kind} {app or ''}", self._clock(), _load(file)
        at, pairs = kept.get(key, (0.0, []))
        if not 0 <= now - at < FRESH:
            fetched = self._ask(target, kind, app)
            if fetched is not None:
                pairs = fetched
            fresh = {other: it for other, it in kept.items() if 0 <= now - it[0] < KEPT}
            with suppress(OSError):
                write_private(file, json.dumps({**fresh, key: (now, pairs)}))
        return [Candidate(*pair) for pair in pairs]

    def _ask(self, target: Target, kind: str, app: str | None) -> list[tuple[str, str]] | None:
        """Request the names in a thread; return None if no answer arrives in time."""
        from pvdify.client.api import Client
        from pvdify.client.session import Session

        answers: list[list[tuple[str, str]]] = []

        def work() -> None:
            # Completion shows no errors, whatever their cause.
            with suppress(Exception):
                answers.append(list(_names(Client(Session(target, sleep=_give_up)), kind, app or "")))

        asking = threading.Thread(target=work, daemon=True)
        asking.start()
        asking.join(self._seconds)
        return answers[0] if answers else None


def _names(client: "Client", kind: str, app: str) -> Iterator[tuple[str, str]]:
    if kind == "APP":
        yield from ((it.name, it.status) for it in client.apps())
    elif kind == "N":
        yield from ((f"v{it.version}", f"{it.status} {it.image}") for it in client.releases(app, limit=MOST))
    elif kind == "KEY":
        yield from ((name, "secret" if var.secret else "") for name, var in client.config(app).vars.items())
    elif kind == "PROCESS":
        yield from ((it.name, f"{it.count} wanted") for it in client.processes(app))
    elif kind == "INSTANCE":
        for process in client.processes(app):
            yield from ((f"{process.name}.{it.number}", it.state) for it in process.instances)


def _load(file: Path) -> dict[str, tuple[float, list[tuple[str, str]]]]:
    try:
        content = json.loads(file.read_text("utf-8"))
        return {
            str(key): (float(at), [(str(word), str(help)) for word, help in pairs])
            for key, (at, pairs) in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _give_up(_seconds: float) -> None:
    raise TimeoutError
