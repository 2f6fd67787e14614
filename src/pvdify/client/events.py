"""A reader of server-sent events that reconnects after a lost connection."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pvdify.client.transport import NoAnswer, NotSent
from pvdify.errors import DeniedError, OutcomeUnknown, UnavailableError

T = TypeVar("T")

# Seconds before each attempt to reconnect; long enough for a restart of the server. Every event resets the count. A
# comment does not: otherwise a server that only sends a comment and closes would be asked forever.
PATIENCE = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
END = "end"


@dataclass(frozen=True, kw_only=True)
class ServerEvent:
    """One event; an event without a name is a ``message``, as in the standard."""

    id: str = ""
    name: str = "message"
    data: str


class StreamLost(Exception):
    """The server did not come back within PATIENCE; ``why`` is the last error."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def read_events(lines: Iterable[bytes]) -> Iterator[ServerEvent]:
    """Parse the events of a stream. Comments are skipped, and an unfinished event is dropped."""
    fields: dict[str, list[str]] = {}
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if "data" in fields:
                yield _event(fields)
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))


def follow(open_stream: Callable[[str], Iterable[bytes]], *, sleep: Callable[[float], None]) -> Iterator[ServerEvent]:
    """Yield all events up to ``end``, reconnecting after lost connections.

    ``open_stream`` is called with the id of the last event received. Raises StreamLost if the server does not come back
    within PATIENCE, and any refusal that ``open_stream`` raises.
    """
    last_id = ""
    failures = 0
    while True:
        why = "the connection was closed"
        try:
            for event in read_events(open_stream(last_id)):
                failures = 0
                last_id = event.id or last_id
                yield event
                if event.name == END:
                    return
        except (NotSent, NoAnswer) as error:
            why = error.why
        except UnavailableError as error:
            why = error.what
        if failures == len(PATIENCE):
            raise StreamLost(why)
        sleep(PATIENCE[failures])
        failures += 1


def keep_asking(ask: Callable[[], T], what: str, check: str, *, sleep: Callable[[float], None]) -> T:
    """Return what ``ask`` returns, asking again while the server does not answer.

    For a change that the server has accepted, and that goes on without this command. ``what``: names it. ``check``: how
    to see what became of it. Raises OutcomeUnknown if the server does not come back within PATIENCE, or if the token
    has expired meanwhile.
    """
    for pause in PATIENCE:
        try:
            return ask()
        except UnavailableError:
            sleep(pause)
        except DeniedError:
            break
    try:
        return ask()
    except (DeniedError, UnavailableError) as error:
        raise OutcomeUnknown(
            f"{what}: the connection was lost before it had ended", why=error.why or error.what,
            next=f"{check}; it continues without this command",
        ) from error  # fmt: skip


def _event(fields: dict[str, list[str]]) -> ServerEvent:
    return ServerEvent(
        id=fields.get("id", [""])[-1],
        name=fields.get("event", ["message"])[-1] or "message",
        data="\n".join(fields["data"]),
    )
