"""The REST API as methods: each sends one request, with wire types as arguments and results.

Every method raises the error that the server answers with, or ServerUnreachable. A method that changes something raises
OutcomeUnknown if the answer was lost; the error says how to find out what happened.
"""

from pvdify.client.calls.access import AccessCalls
from pvdify.client.calls.apps import AppCalls
from pvdify.client.calls.backups import BackupCalls
from pvdify.client.calls.config import ConfigCalls
from pvdify.client.calls.connections import ConnectionCalls
from pvdify.client.calls.jobs import JobCalls
from pvdify.client.calls.logs import LogCalls
from pvdify.client.calls.people import PeopleCalls
from pvdify.client.calls.previews import PreviewCalls
from pvdify.client.calls.processes import ProcessCalls
from pvdify.client.calls.releases import ReleaseCalls
from pvdify.client.calls.runs import RunCalls
from pvdify.client.calls.services import ServiceCalls
from pvdify.client.calls.volumes import VolumeCalls
from pvdify.client.session import Question, Session
from pvdify.client.target import Target
from pvdify.wire.answers import Health, Identity, Status


class Client(
    AppCalls,
    ReleaseCalls,
    ConfigCalls,
    ProcessCalls,
    RunCalls,
    LogCalls,
    PreviewCalls,
    AccessCalls,
    PeopleCalls,
    ConnectionCalls,
    VolumeCalls,
    JobCalls,
    BackupCalls,
    ServiceCalls,
):
    """The API of one server."""

    @property
    def target(self) -> Target:
        """The server that requests go to, and the token they carry."""
        return self._session.target

    def with_target(self, target: Target) -> "Client":
        """Return a client for another server or token, with the same ``sleep`` and ``on_version``."""
        return Client(Session(target, sleep=self._session.sleep, on_version=self._session.on_version))

    def health(self) -> Health:
        """Return the server's health and version; the only request that needs no token."""
        return self._session.ask_for(Health, Question(path="/health"))

    def whoami(self) -> Identity:
        """Return the name and rights of the token."""
        return self._session.ask_for(Identity, Question(path="/whoami"))

    def status(self) -> Status:
        """Return a summary of the server's state."""
        return self._session.ask_for(Status, Question(path="/status"))

    def sleep(self, seconds: float) -> None:
        """Sleep between two requests."""
        self._session.sleep(seconds)
