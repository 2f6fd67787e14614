"""Requests about one-off commands, their input and their output."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.encode import request_body
from pvdify.client.events import END, StreamLost, follow
from pvdify.client.session import Question
from pvdify.wire.answers import OneOff, OneOffEnd
from pvdify.wire.requests import ExecCommand, OpenTunnel, RunCommand, Terminal


@dataclass(frozen=True, kw_only=True)
class RunOutput:
    """Bytes that a one-off command wrote to ``stdout`` or ``stderr``."""

    stream: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """The end of a one-off command.

    ``secrets`` names the secrets that appeared in raw output, ``secret_count`` times in all.
    """

    exit_code: int
    secrets: list[str]
    secret_count: int


class RunCalls(Asking):
    """Requests about one-off commands."""

    def run(self, app: str, command: RunCommand) -> OneOff:
        """Start a one-off command. The server ends it if ``follow_run`` is not read."""
        lost, check = f"the command may have been started in {app}", "it ends by itself without a viewer"
        body = request_body(command)
        return self._session.ask_for(
            OneOff, Question(method="POST", path=app_path(app, "run"), body=body, lost=lost, check=check)
        )

    def exec(self, app: str, command: ExecCommand) -> OneOff:
        """Start a command inside a running instance. Follow, write to and end it like a command of ``run``."""
        lost, check = f"the command may have been started in {app}", "it ends by itself without a viewer"
        question = Question(
            method="POST", path=app_path(app, "exec"), body=request_body(command), lost=lost, check=check
        )
        return self._session.ask_for(OneOff, question)

    def open_tunnel(self, app: str, wanted: OpenTunnel) -> OneOff:
        """Connect to a port inside a running instance. Output and input are the connection's bytes."""
        question = Question(method="POST", path=app_path(app, "tunnel"), body=request_body(wanted))
        return self._session.ask_for(OneOff, question)

    def follow_run(self, run: OneOff) -> Iterator[RunOutput | RunEnded]:
        """Yield a command's output as it is written, then its end. Raises StreamLost, OneOffNotFound."""
        question, seen = Question(path=app_path(run.app, "run", run.id)), 0
        for event in follow(lambda last: self._session.open_stream(question, last), sleep=self._session.sleep):
            if event.name == END:
                end = self._session.understand_text(OneOffEnd, event.data)
                yield RunEnded(exit_code=end.exit_code, secrets=end.secrets, secret_count=end.secret_count)
            elif event.name in ("stdout", "stderr"):
                number = int(event.id) if event.id.isdecimal() else seen + 1
                if number != seen + 1:
                    raise StreamLost(f"{number - seen - 1} pieces of its output were lost with the connection")
                seen = number
                yield RunOutput(stream=event.name, data=b64decode(event.data))

    def write_run(self, run: OneOff, at: int, data: bytes) -> None:
        """Send ``data`` to a command's input at byte offset ``at``; empty data ends the input."""
        query = {"at": str(at), **({} if data else {"end": "1"})}
        self._session.ask(
            Question(method="POST", path=app_path(run.app, "run", run.id, "input"), query=query, body=data)
        )

    def resize_run(self, run: OneOff, terminal: Terminal) -> None:
        """Report the new size of the terminal to a command."""
        path = app_path(run.app, "run", run.id, "terminal")
        self._session.ask(Question(method="POST", path=path, body=request_body(terminal)))

    def end_run(self, run: OneOff) -> None:
        """End a command; a command that has ended stays as it is."""
        self._session.ask(Question(method="DELETE", path=app_path(run.app, "run", run.id)))
