"""Server-sent events: reading them, and reading on after the connection was lost."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pvdify.client.transport import NoAnswer, NotSent
from pvdify.errors import UnavailableError

# Long enough for a restart of the server; starts anew with every event, but not with a comment: a server that greets
# and hangs up would be asked for ever.
PATIENCE = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
END = "end"


@dataclass(frozen=True, kw_only=True)
class ServerEvent:
    """One event; without a name it is a ``message``, as in the standard."""

    id: str = ""
    name: str = "message"
    data: str


class StreamLost(Exception):
    """The server did not come back within our patience; ``why`` is the last thing that was seen of it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def read_events(lines: Iterable[bytes]) -> Iterator[ServerEvent]:
    """The events of a stream; comments only keep the connection alive. An unfinished event is dropped."""
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
    """All events up to ``end``, across lost connections: ``open_stream`` is given the id of the last event seen.

    Raises StreamLost when the server stays away, and any refusal that ``open_stream`` raises.
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


def _event(fields: dict[str, list[str]]) -> ServerEvent:
    return ServerEvent(
        id=fields.get("id", [""])[-1],
        name=fields.get("event", ["message"])[-1] or "message",
        data="\n".join(fields["data"]),
    )
