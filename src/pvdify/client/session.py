"""Requests to a server: repeated where that is safe; every failure becomes an error with a next step."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from pvdify import __version__
from pvdify.client.decode import Mismatch, decode
from pvdify.client.endpoint import is_loopback
from pvdify.client.problems import from_problem
from pvdify.client.target import Target
from pvdify.client.transport import HttpAnswer, HttpRequest, NoAnswer, NotSent, exchange, stream
from pvdify.errors import InternalError, OutcomeUnknown, PvdifyError, ServerUnreachable

T = TypeVar("T")

VERSION_HEADER = "x-pvdify-version"

# Seconds before each retry: short if nothing can have changed, longer if a release may have been made.
SHORT = (0.3, 1.0)
LONG = (0.5, 1.0, 2.0, 4.0, 8.0)
# Statuses of proxies in front of pvdifyd: Cloudflare could not connect to the server, or received no answer.
_NEVER_REACHED = frozenset({521, 522, 523, 525, 526, 530})
_ANSWER_LOST = frozenset({502, 503, 504, 520, 524})


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request to the API.

    ``key`` is an Idempotency-Key, by which the server recognizes a repetition. ``lost`` says what is uncertain if no
    answer arrives, and ``check`` how to find out; a question without ``lost`` changes nothing.
    """

    method: str = "GET"
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    key: str | None = None
    lost: str = ""
    check: str = ""

    @property
    def is_repeatable(self) -> bool:
        """Whether repeating the request does no more than sending it once."""
        return not self.lost or self.key is not None


def new_key() -> str:
    """Return a random Idempotency-Key."""
    return os.urandom(16).hex()


class Session:
    """A sender of requests to one server; connects at the first request."""

    def __init__(
        self, target: Target, *, sleep: Callable[[float], None] = time.sleep,
        on_version: Callable[[str], None] = lambda _version: None,
    ) -> None:  # fmt: skip
        """Call ``on_version`` once, with the server's version, if it differs from this client's."""
        self.target = target
        self.sleep = sleep
        self.on_version = on_version
        self._is_version_known = False

    def ask(self, question: Question) -> HttpAnswer:
        """Send the request, with retries, and return the successful answer.

        Raises the server's refusal, ServerUnreachable or OutcomeUnknown.
        """
        request = _request(question)
        was_sent = False
        failures = 0
        while True:
            try:
                return self._accepted(exchange(self.target, request))
            except (NotSent, NoAnswer) as error:
                failure = error
            was_sent = was_sent or isinstance(failure, NoAnswer)
            pauses = _pauses(question, failure, was_sent=was_sent)
            if failures >= len(pauses):
                raise self._given_up(question, failure, was_sent=was_sent) from failure
            self.sleep(pauses[failures])
            failures += 1

    def ask_for(self, kind: type[T], question: Question) -> T:
        """Send the request and decode the answer as a ``kind`` of the wire."""
        return self.understand(kind, self.json_of(self.ask(question)))

    def json_of(self, answer: HttpAnswer) -> Any:
        """Parse the answer's JSON. Raises ServerUnreachable if it is not JSON: another program has answered."""
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise self._not_pvdify(answer) from error

    def open_stream(self, question: Question, last_id: str) -> Iterator[bytes]:
        """Open a stream of events after the event with this id, and return its lines.

        Raises NotSent, NoAnswer or the server's refusal.
        """
        more = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
        answer, lines = stream(self.target, _request(question, more))
        self._accepted(answer)
        return lines

    def understand(self, kind: type[T], value: object) -> T:
        """Decode a JSON value as a ``kind`` of the wire. Raises InternalError if it has another shape."""
        try:
            return decode(kind, value)
        except Mismatch as error:
            raise InternalError(
                f"{self.target.endpoint.url} answered in a form that pvdify {__version__} does not understand",
                why=str(error),
                next="compare `pvdify --version` with the version in `pvdify status`, and update the older one",
            ) from error

    def understand_text(self, kind: type[T], text: str) -> T:
        """Parse and decode JSON text as a ``kind`` of the wire. Raises InternalError if it has another shape."""
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        return self.understand(kind, value)

    def _accepted(self, answer: HttpAnswer) -> HttpAnswer:
        version = answer.headers.get(VERSION_HEADER)
        if version is not None and not self._is_version_known:
            self._is_version_known = True
            if version != __version__:
                self.on_version(version)
        if answer.status < 300:
            return answer
        problem = _problem(answer)
        # Only the router in front of pvdifyd answers with this code: treat it like a status of any other proxy.
        if problem is not None and problem["code"] != ServerUnreachable.code:
            raise from_problem(answer.status, problem)
        if answer.status in _NEVER_REACHED:
            raise NotSent(f"the proxy in front of it answered {answer.status}")
        if answer.status in _ANSWER_LOST:
            raise NoAnswer(f"the proxy in front of it answered {answer.status}")
        if answer.status >= 500:
            raise InternalError(f"{self.target.endpoint.url} answered {answer.status}", next="`pvdify status`")
        raise self._not_pvdify(answer)

    def _not_pvdify(self, answer: HttpAnswer) -> PvdifyError:
        kind = answer.headers.get("content-type", "nothing")
        elsewhere = answer.headers.get("location")
        return ServerUnreachable(
            f"{self.target.endpoint.url} does not answer as pvdify does",
            why=f"it answered {answer.status} with " + (f"a redirect to {elsewhere}" if elsewhere else kind),
            next="check the URL: PVDIFY_URL, or `pvdify login --url URL`",
        )

    def _given_up(self, question: Question, failure: NotSent | NoAnswer, *, was_sent: bool) -> PvdifyError:
        if was_sent and question.lost:
            return OutcomeUnknown(question.lost, why=failure.why, next=question.check)
        return ServerUnreachable(
            f"the server at {self.target.endpoint.url} cannot be reached",
            why=failure.why,
            next=self._next_step(failure),
        )

    def _next_step(self, failure: NotSent | NoAnswer) -> str:
        endpoint = self.target.endpoint
        # Without a cause a proxy answered, for example at the local end of a tunnel to another machine.
        is_here = endpoint.scheme == "unix" or (is_loopback(endpoint.host) and failure.__cause__ is not None)
        if is_here and isinstance(failure.__cause__, PermissionError):
            check = "run it as root (sudo), or `pvdify login --url URL` with a token"
        elif is_here:
            check = "`systemctl status pvdifyd` on this machine shows whether it runs, and its last lines"
        else:
            check = "check the URL (PVDIFY_URL, or `pvdify login --url URL`) and that pvdifyd runs there"
        return f"{check}; what is live stays live without it"


def _request(question: Question, headers: Mapping[str, str] | None = None) -> HttpRequest:
    query = f"?{urlencode(question.query)}" if question.query else ""
    sent = {"Accept": "application/json, text/plain", **(headers or {})}
    body = None
    if isinstance(question.body, bytes):
        body = question.body
        sent["Content-Type"] = "application/octet-stream"
    elif question.body is not None:
        body = json.dumps(question.body).encode()
        sent["Content-Type"] = "application/json"
    if question.key is not None:
        sent["Idempotency-Key"] = question.key
    return HttpRequest(method=question.method, path=f"/api/v1{question.path}{query}", headers=sent, body=body)


def _pauses(question: Question, failure: NotSent | NoAnswer, *, was_sent: bool) -> tuple[float, ...]:
    if was_sent:
        return LONG if question.key else (SHORT if question.is_repeatable else ())
    return () if isinstance(failure, NotSent) and failure.is_lasting else SHORT


def _problem(answer: HttpAnswer) -> dict[str, Any] | None:
    """Return the answer's problem document, or None. JSON without ``code`` is a proxy's own."""
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        value = json.loads(answer.body)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "code" in value else None
