"""Questions about apps and the hostnames they answer to."""

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.encode import request_body
from pvdify.client.session import Question
from pvdify.wire.answers import App, Domain
from pvdify.wire.requests import AddDomain, ChangeApp, CreateApp


class AppCalls(Asking):
    """Apps and their hostnames."""

    def apps(self) -> list[App]:
        """All apps the token may see."""
        return self._list(App, "apps", Question(path="/apps"))

    def app(self, app: str) -> App:
        """One app."""
        return self._session.ask_for(App, Question(path=app_path(app)))

    def set_maintenance(self, app: str, *, is_on: bool) -> App:
        """Tell visitors to come back later, or let them through again. Raises AppNotFound."""
        lost, look = f"maintenance of {app} may or may not have been changed", f"`pvdify apps:info {app}` shows it"
        body = request_body(ChangeApp(maintenance=is_on))
        return self._session.ask_for(App, Question(method="PATCH", path=app_path(app), body=body, lost=lost, look=look))

    def create_app(self, app: str) -> App:
        """A new app without a release."""
        lost, look = f"{app} may or may not have been created", "`pvdify apps` shows whether it was"
        body = request_body(CreateApp(name=app))
        return self._session.ask_for(App, Question(method="POST", path="/apps", body=body, lost=lost, look=look))

    def destroy_app(self, app: str) -> None:
        """Remove the app with everything it has."""
        lost, look = f"{app} may or may not be on its way out", "`pvdify apps` shows whether it is still there"
        query = {"confirm": app}
        self._session.ask(Question(method="DELETE", path=app_path(app), query=query, lost=lost, look=look))

    def domains(self, app: str) -> list[Domain]:
        """All hostnames of the app, its own first."""
        return self._list(Domain, "domains", Question(path=app_path(app, "domains")))

    def add_domain(self, app: str, hostname: str) -> Domain:
        """Have the app answer to one more hostname."""
        lost, look = f"{app} may or may not answer to {hostname} now", f"`pvdify domains {app}` shows it"
        body = request_body(AddDomain(hostname=hostname))
        question = Question(method="POST", path=app_path(app, "domains"), body=body, lost=lost, look=look)
        return self._session.ask_for(Domain, question)

    def remove_domain(self, app: str, hostname: str) -> None:
        """Have the app no longer answer to a hostname that was added."""
        lost, look = f"{app} may or may not answer to {hostname} still", f"`pvdify domains {app}` shows it"
        self._session.ask(Question(method="DELETE", path=app_path(app, "domains", hostname), lost=lost, look=look))
