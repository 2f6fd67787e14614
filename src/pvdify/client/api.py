"""The REST API as methods: each sends one request, with wire types as arguments and results.

Every method raises the error that the server answers with, or ServerUnreachable. A method that changes something raises
OutcomeUnknown if the answer was lost; the error says how to find out what happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvdify.client.calls.on_demand import AllCalls
from pvdify.client.session import Question, Session
from pvdify.client.target import Target
from pvdify.wire import answers

if TYPE_CHECKING:
    from pvdify.wire.answers import Health, Identity, Status


class Client(AllCalls):
    """The API of one server."""

    @property
    def target(self) -> Target:
        """The server that requests go to, and the token they carry."""
        return self._session.target

    def with_target(self, target: Target) -> Client:
        """Return a client for another server or token, with the same ``sleep`` and ``on_version``."""
        return Client(Session(target, sleep=self._session.sleep, on_version=self._session.on_version))

    def health(self) -> Health:
        """Return the server's health and version; the only request that needs no token."""
        return self._session.ask_for(answers.Health, Question(path="/health"))

    def whoami(self) -> Identity:
        """Return the name and rights of the token."""
        return self._session.ask_for(answers.Identity, Question(path="/whoami"))

    def status(self) -> Status:
        """Return a summary of the server's state."""
        return self._session.ask_for(answers.Status, Question(path="/status"))

    def sleep(self, seconds: float) -> None:
        """Sleep between two requests."""
        self._session.sleep(seconds)
