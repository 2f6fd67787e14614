"""The REST API as methods: one question each, wire types in and out.

Every method raises what the server refuses with, or ServerUnreachable. Those that change something raise
OutcomeUnknown when the answer was lost, and say how to find out.
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
    """One server's API."""

    @property
    def target(self) -> Target:
        """The server that is asked, and as whom."""
        return self._session.target

    def with_target(self, target: Target) -> "Client":
        """The same for another server or token."""
        return Client(Session(target, sleep=self._session.sleep, on_version=self._session.on_version))

    def health(self) -> Health:
        """Whether the server runs, and its version; the only question that needs no token."""
        return self._session.ask_for(Health, Question(path="/health"))

    def whoami(self) -> Identity:
        """Who the token stands for."""
        return self._session.ask_for(Identity, Question(path="/whoami"))

    def status(self) -> Status:
        """The server at a glance."""
        return self._session.ask_for(Status, Question(path="/status"))

    def sleep(self, seconds: float) -> None:
        """Wait before asking again."""
        self._session.sleep(seconds)
