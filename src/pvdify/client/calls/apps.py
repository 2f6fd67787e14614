"""Requests about apps and their hostnames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.encode import request_body
from pvdify.client.session import Question
from pvdify.wire import answers, requests

if TYPE_CHECKING:
    from pvdify.wire.answers import App, DestroyedApp, Domain, DomainGrant


class AppCalls(Asking):
    """Requests about apps and their hostnames."""

    def apps(self) -> list[App]:
        """List all apps that the token may see."""
        return self._list(answers.App, "apps", Question(path="/apps"))

    def app(self, app: str) -> App:
        """Return one app. Raises AppNotFound."""
        return self._session.ask_for(answers.App, Question(path=app_path(app)))

    def set_maintenance(self, app: str, *, is_on: bool) -> App:
        """Switch maintenance on (visitors get a 503 page) or off. Raises AppNotFound."""
        lost, check = f"maintenance of {app} may or may not have been changed", f"`pvdify apps:info {app}` shows it"
        body = request_body(requests.ChangeApp(maintenance=is_on))
        return self._session.ask_for(
            answers.App, Question(method="PATCH", path=app_path(app), body=body, lost=lost, check=check)
        )

    def rename_app(self, app: str, name: str, *, keeps_hostname: bool) -> App:
        """Rename the app. Raises AppNotFound."""
        path, body = app_path(app, "rename"), request_body(requests.RenameApp(name=name, keep_hostname=keeps_hostname))
        lost, check = f"{app} may or may not be called {name} now", "`pvdify apps` shows it"
        return self._session.ask_for(answers.App, Question(method="POST", path=path, body=body, lost=lost, check=check))

    def pause(self, app: str, seconds: float) -> App:
        """Hold new requests for this many seconds, or until ``resume``. Raises AppNotFound."""
        path, body = app_path(app, "pause"), request_body(requests.PauseApp(seconds=seconds))
        lost, check = f"{app} may or may not be paused", f"`pvdify apps:info {app}` shows it"
        return self._session.ask_for(answers.App, Question(method="POST", path=path, body=body, lost=lost, check=check))

    def resume(self, app: str) -> App:
        """Pass the held requests on to the app. Raises AppNotFound."""
        lost, check = f"{app} may or may not be paused", f"`pvdify apps:info {app}` shows it"
        return self._session.ask_for(
            answers.App, Question(method="POST", path=app_path(app, "resume"), lost=lost, check=check)
        )

    def create_app(self, app: str) -> App:
        """Create an app without a release."""
        lost, check = f"{app} may or may not have been created", "`pvdify apps` shows whether it was"
        body = request_body(requests.CreateApp(name=app))
        return self._session.ask_for(
            answers.App, Question(method="POST", path="/apps", body=body, lost=lost, check=check)
        )

    def destroy_app(self, app: str, *, purges: bool = False) -> DestroyedApp:
        """Remove the app with everything that belongs to it.

        Its volumes stay in the trash for a while, unless ``purges`` deletes them at once.
        """
        lost, check = f"the removal of {app} may or may not have started", "`pvdify apps` shows whether it exists"
        query = {"confirm": app} | ({"purge": "1"} if purges else {})
        question = Question(method="DELETE", path=app_path(app), query=query, lost=lost, check=check)
        return self._session.ask_for(answers.DestroyedApp, question)

    def domains(self, app: str) -> list[Domain]:
        """List all hostnames of the app, its own first."""
        return self._list(answers.Domain, "domains", Question(path=app_path(app, "domains")))

    def add_domain(self, app: str, hostname: str) -> Domain:
        """Add a hostname to the app."""
        lost, check = f"{app} may or may not answer to {hostname} now", f"`pvdify domains {app}` shows it"
        body = request_body(requests.AddDomain(hostname=hostname))
        question = Question(method="POST", path=app_path(app, "domains"), body=body, lost=lost, check=check)
        return self._session.ask_for(answers.Domain, question)

    def domain_grants(self, app: str) -> list[DomainGrant]:
        """List the hostnames that the app may claim besides its own."""
        return self._list(answers.DomainGrant, "grants", Question(path=app_path(app, "grants")))

    def grant_domain(self, app: str, hostname: str) -> DomainGrant:
        """Allow the app to claim a hostname. Repeating the call is harmless."""
        body = request_body(requests.AddDomain(hostname=hostname))
        lost, check = f"{app} may or may not claim {hostname} now", f"`pvdify domains:grants {app}` shows it"
        question = Question(method="POST", path=app_path(app, "grants"), body=body, lost=lost, check=check)
        return self._session.ask_for(answers.DomainGrant, question)

    def revoke_domain(self, app: str, hostname: str) -> None:
        """Revoke the app's permission to claim a hostname."""
        lost, check = f"{app} may or may not claim {hostname} still", f"`pvdify domains:grants {app}` shows it"
        self._session.ask(Question(method="DELETE", path=app_path(app, "grants", hostname), lost=lost, check=check))

    def remove_domain(self, app: str, hostname: str) -> None:
        """Remove a hostname that was added to the app."""
        lost, check = f"{app} may or may not answer to {hostname} still", f"`pvdify domains {app}` shows it"
        self._session.ask(Question(method="DELETE", path=app_path(app, "domains", hostname), lost=lost, check=check))
