"""Requests about processes and their instances."""

from collections.abc import Mapping
from dataclasses import replace

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.encode import request_body
from pvdify.client.session import Question
from pvdify.wire.answers import Operation, Process, Processes
from pvdify.wire.requests import RestartProcesses


class ProcessCalls(Asking):
    """Requests about processes and the operations that change them."""

    def processes(self, app: str) -> list[Process]:
        """List the app's process types with their instances."""
        return self.process_overview(app).processes

    def process_overview(self, app: str) -> Processes:
        """Return the processes with their instances, and the app's health."""
        return self._session.ask_for(Processes, Question(path=app_path(app, "processes")))

    def scale(self, app: str, requested: Mapping[str, str]) -> Operation:
        """Start scaling;

        ``requested`` maps a process type to ``3``, ``+1`` or ``-1``. Returns before the operation ends.
        """
        return self._change_processes(
            Question(method="PATCH", path=app_path(app, "processes"), body=dict(requested)), app
        )

    def restart(self, app: str, process: str | None) -> Operation:
        """Start replacing all instances, or those of one process type. Returns before the operation ends."""
        body = request_body(RestartProcesses(process=process))
        return self._change_processes(
            Question(method="POST", path=app_path(app, "processes", "restart"), body=body), app
        )

    def set_stopped(self, app: str, *, is_stopped: bool) -> Operation:
        """Start stopping all instances, or starting as many as before. Returns before the operation ends."""
        path = app_path(app, "processes", "stop" if is_stopped else "start")
        return self._change_processes(Question(method="POST", path=path), app)

    def operation(self, app: str, id: str) -> Operation:
        """Return an operation on processes, with its current state."""
        return self._session.ask_for(Operation, Question(path=app_path(app, "operations", id)))

    def _change_processes(self, question: Question, app: str) -> Operation:
        lost, check = f"the processes of {app} may or may not be about to change", f"`pvdify ps {app}` shows them"
        return self._session.ask_for(Operation, replace(question, lost=lost, check=check))
