"""Questions about what runs."""

from collections.abc import Mapping
from dataclasses import replace

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.encode import request_body
from pvdify.client.session import Question
from pvdify.wire.answers import Operation, Process, Processes
from pvdify.wire.requests import RestartProcesses


class ProcessCalls(Asking):
    """Processes and the operations that change them."""

    def processes(self, app: str) -> list[Process]:
        """The app's process types with their instances."""
        return self.process_overview(app).processes

    def process_overview(self, app: str) -> Processes:
        """The processes with their instances, and how the app is doing."""
        return self._session.ask_for(Processes, Question(path=app_path(app, "processes")))

    def scale(self, app: str, wishes: Mapping[str, str]) -> Operation:
        """Ask for these counts by process: ``3``, ``+1`` or ``-1``. Returns before it is done."""
        return self._change_processes(Question(method="PATCH", path=app_path(app, "processes"), body=dict(wishes)), app)

    def restart(self, app: str, process: str | None) -> Operation:
        """New instances in place of all, or of one process's; on its way."""
        body = request_body(RestartProcesses(process=process))
        return self._change_processes(
            Question(method="POST", path=app_path(app, "processes", "restart"), body=body), app
        )

    def set_stopped(self, app: str, *, is_stopped: bool) -> Operation:
        """Stop every instance, or start as many as before; on its way."""
        path = app_path(app, "processes", "stop" if is_stopped else "start")
        return self._change_processes(Question(method="POST", path=path), app)

    def operation(self, app: str, id: str) -> Operation:
        """What has become of a change of what runs."""
        return self._session.ask_for(Operation, Question(path=app_path(app, "operations", id)))

    def _change_processes(self, question: Question, app: str) -> Operation:
        lost, look = f"the processes of {app} may or may not be about to change", f"`pvdify ps {app}` shows them"
        return self._session.ask_for(Operation, replace(question, lost=lost, look=look))
