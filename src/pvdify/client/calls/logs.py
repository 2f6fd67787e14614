"""Requests for logs of instances, logs of the router, and events."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.events import follow
from pvdify.client.session import Question
from pvdify.wire.answers import Event, LogLine, Visit

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """A selection of runtime log lines: the last ``lines``, optionally of one process type and one release.

    ``since`` is ``10m`` or a moment in ISO 8601. With ``since`` and no ``lines``, all lines since then match.
    """

    lines: int | None = 100
    since: str | None = None
    process: str | None = None
    release: int | None = None


@dataclass(frozen=True, kw_only=True)
class EventQuery:
    """A selection of events: the last ``limit``, optionally since a moment, of one app or of one actor.

    ``kind`` is ``deploy`` or, for one action, ``deploy.live``.
    """

    limit: int = 100
    app: str | None = None
    actor: str | None = None
    kind: str | None = None
    since: str | None = None


class LogCalls(Asking):
    """Requests for logs of instances and of the router, and for events."""

    def logs(self, app: str, wanted: LogFilter) -> list[LogLine]:
        """Return the last lines that the app's instances wrote."""
        return self._list(LogLine, "lines", Question(path=app_path(app, "logs"), query=_log_query(wanted)))

    def follow_logs(self, app: str, wanted: LogFilter) -> Iterator[LogLine]:
        """Yield the last lines, then new lines as they are written.

        After a lost connection, continues after the last line received. Raises StreamLost.
        """
        question = Question(path=app_path(app, "logs"), query={**_log_query(wanted), "follow": "1"})
        for event in follow(lambda last: self._session.open_stream(question, last), sleep=self._session.sleep):
            if event.name == "message":
                yield self._session.understand_text(LogLine, event.data)

    def visits(self, app: str | None, lines: int) -> list[Visit]:
        """Return the last requests that the router has finished; with ``app``, only this app's."""
        return self._list(Visit, "visits", Question(path="/router/log", query=_visit_query(app, lines)))

    def follow_visits(self, app: str | None, lines: int) -> Iterator[Visit]:
        """Yield the last requests, then new ones as they finish. Raises StreamLost if the server does not come back."""
        question = Question(path="/router/log", query={**_visit_query(app, lines), "follow": "1"})
        return self._follow(Visit, question, lines)

    def events(self, wanted: EventQuery) -> list[Event]:
        """List the events, newest first."""
        return self._list(Event, "events", Question(path="/events", query=_event_query(wanted)))

    def follow_events(self, wanted: EventQuery) -> Iterator[Event]:
        """Yield the events, oldest first, then new events as they happen.

        After a lost connection, continues after the last event received. Raises StreamLost.
        """
        question = Question(path="/events", query={**_event_query(wanted), "follow": "1"})
        for event in follow(lambda last: self._session.open_stream(question, last), sleep=self._session.sleep):
            if event.name == "message":
                yield self._session.understand_text(Event, event.data)

    def _follow(self, kind: type[T], question: Question, lines: int) -> Iterator[T]:
        """Yield the last lines, then new ones.

        After a lost connection the server sends the last lines again; those are skipped.
        """
        recent: deque[T] = deque(maxlen=lines)
        repeated: set[T] = set()

        def open_stream(last_id: str) -> Iterator[bytes]:
            repeated.clear()
            repeated.update(recent)
            return self._session.open_stream(question, last_id)

        for event in follow(open_stream, sleep=self._session.sleep):
            if event.name != "message":
                continue
            line = self._session.understand_text(kind, event.data)
            if line not in repeated:
                recent.append(line)
                yield line


def _visit_query(app: str | None, lines: int) -> dict[str, str]:
    query = {"lines": str(lines), "format": "json"}
    return query if app is None else {**query, "app": app}


def _event_query(wanted: EventQuery) -> dict[str, str]:
    named = {"app": wanted.app, "actor": wanted.actor, "kind": wanted.kind, "since": wanted.since}
    return {"limit": str(wanted.limit), **{name: value for name, value in named.items() if value is not None}}


def _log_query(wanted: LogFilter) -> dict[str, str]:
    query = {"format": "json"}
    if wanted.lines is not None:
        query["lines"] = str(wanted.lines)
    if wanted.since is not None:
        query["since"] = wanted.since
    if wanted.process is not None:
        query["process"] = wanted.process
    if wanted.release is not None:
        query["release"] = str(wanted.release)
    return query
