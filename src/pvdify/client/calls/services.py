"""Requests about services."""

from collections.abc import Iterator
from urllib.parse import quote

from pvdify.client.calls.asking import Asking
from pvdify.client.encode import request_body
from pvdify.client.events import follow
from pvdify.client.session import Question
from pvdify.wire.answers import OneOff, Service, ServiceLines, ServiceLink, ServicePlan
from pvdify.wire.requests import ConnectService, CreateService, LinkService, UpgradeService

_LOST = "the service may or may not have been changed"


class ServiceCalls(Asking):
    """Requests about services: containers with data, outside of releases."""

    def services(self) -> list[Service]:
        """List all services; those in the trash come last."""
        return self._list(Service, "services", Question(path="/services"))

    def service(self, name: str) -> Service:
        """Return one service. Raises ServiceNotFound."""
        return self._session.ask_for(Service, Question(path=_path(name)))

    def create_service(self, wanted: CreateService) -> Service:
        """Start creating a service. Raises ServiceExists, InvalidError."""
        return self._session.ask_for(Service, _change("POST", wanted.name, "/services", request_body(wanted)))

    def change_service(self, name: str, verb: str) -> Service:
        """Start one of ``restart``, ``rotate`` or ``restore``. Raises ServiceNotFound, ServiceBusy."""
        return self._session.ask_for(Service, _change("POST", name, _path(name, verb)))

    def upgrade_service(self, name: str, image: str) -> Service:
        """Start replacing a service's image. Raises ServiceNotFound, ServiceBusy."""
        body = request_body(UpgradeService(image=image))
        return self._session.ask_for(Service, _change("POST", name, _path(name, "upgrade"), body))

    def plan_service_upgrade(self, name: str, image: str) -> ServicePlan:
        """Return what an upgrade would do. Raises ServiceNotFound."""
        return self._session.ask_for(ServicePlan, Question(path=_path(name, "upgrade"), query={"image": image}))

    def destroy_service(self, name: str, confirm: str, *, purges: bool) -> None:
        """Stop a service and move its data to the trash, or delete it. Raises ServiceNotFound, ServiceLinked."""
        query = {"confirm": confirm, **({"purge": "1"} if purges else {})}
        question = Question(method="DELETE", path=_path(name), query=query, lost=_LOST, check=_check(name))
        self._session.ask(question)

    def link_service(self, name: str, app: str, variable: str | None) -> ServiceLink:
        """Give an app access to a service. Raises ServiceNotFound, AppNotFound, ServiceLinked."""
        body = request_body(LinkService(variable=variable))
        return self._session.ask_for(ServiceLink, _change("PUT", name, _path(name, "links", app), body))

    def unlink_service(self, name: str, app: str) -> None:
        """Remove an app's access to a service. Raises ServiceNotFound."""
        self._session.ask(_change("DELETE", name, _path(name, "links", app)))

    def connect_service(self, name: str, wanted: ConnectService) -> OneOff:
        """Start a command in a service. Follow, write to and end it like a command of ``run``. Raises NothingRuns."""
        lost, check = f"the command may have been started in {name}", "it ends by itself without a viewer"
        path, body = _path(name, "connect"), request_body(wanted)
        question = Question(method="POST", path=path, body=body, lost=lost, check=check)
        return self._session.ask_for(OneOff, question)

    def service_lines(self, name: str, lines: int) -> list[str]:
        """Return the last lines that a service wrote. Raises ServiceNotFound."""
        question = Question(path=_path(name, "logs"), query={"lines": str(lines)})
        return self._session.ask_for(ServiceLines, question).lines

    def follow_service(self, name: str) -> Iterator[str]:
        """Yield lines that a service writes from now on."""
        question = Question(path=_path(name, "logs"), query={"follow": "1"})
        for event in follow(lambda last: self._session.open_stream(question, last), sleep=self._session.sleep):
            yield event.data


def _change(method: str, name: str, path: str, body: object = None) -> Question:
    return Question(method=method, path=path, body=body, lost=_LOST, check=_check(name))


def _path(name: str, *rest: str) -> str:
    return "/".join(["/services", *(quote(part, safe="") for part in (name, *rest))])


def _check(name: str) -> str:
    return f"`pvdify services:info {name}` shows it"
