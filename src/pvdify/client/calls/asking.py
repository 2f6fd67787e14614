"""The base class of the request classes: it holds the session and decodes lists and objects."""

from typing import Any, TypeVar
from urllib.parse import quote

from pvdify.client.session import Question, Session
from pvdify.client.transport import HttpAnswer

T = TypeVar("T")


class Asking:
    """A set of requests to one server."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _list(self, kind: type[T], name: str, question: Question) -> list[T]:
        items = self._session.understand(list, self._object(self._session.ask(question)).get(name))
        return [self._session.understand(kind, item) for item in items]

    def _object(self, answer: HttpAnswer) -> dict[str, Any]:
        return self._session.understand(dict, self._session.json_of(answer))


def app_path(app: str, *rest: str | int) -> str:
    """Return the path below ``/apps`` of the app or of one of its parts; every part is percent-encoded."""
    return "/".join(["/apps", *(quote(str(part), safe="") for part in (app, *rest))])
