"""Requests about previews and the repositories that create them."""

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.encode import request_body
from pvdify.client.session import Question, new_key
from pvdify.wire.answers import Link, Preview
from pvdify.wire.requests import LinkRepository, PutPreview


class PreviewCalls(Asking):
    """Requests about previews and linked repositories."""

    def previews(self, app: str) -> list[Preview]:
        """List the app's previews."""
        return self._list(Preview, "previews", Question(path=app_path(app, "previews")))

    def put_preview(self, app: str, number: int, wanted: PutPreview) -> Preview:
        """Start creating or updating a preview. Safe to repeat, like a deploy."""
        lost = f"the preview of pull request {number} may or may not be on its way"
        check = f"`pvdify previews {app}` shows it"
        path, body = app_path(app, "previews", number), request_body(wanted)
        question = Question(method="PUT", path=path, body=body, key=new_key(), lost=lost, check=check)
        return self._session.ask_for(Preview, question)

    def close_preview(self, app: str, number: int, as_of: str | None) -> Preview:
        """Report that the pull request is closed. Repeating the call is harmless."""
        query = {} if as_of is None else {"as_of": as_of}
        question = Question(method="DELETE", path=app_path(app, "previews", number), query=query)
        return self._session.ask_for(Preview, question)

    def keep_preview(self, app: str, number: int) -> Preview:
        """Keep a preview for one day from now. Repeating the call is harmless."""
        lost = f"the preview of pull request {number} may or may not be kept for a day"
        path, check = app_path(app, "previews", number, "keep"), f"`pvdify previews {app}` shows when it goes"
        return self._session.ask_for(Preview, Question(method="POST", path=path, lost=lost, check=check))

    def links(self, app: str) -> list[Link]:
        """List the repositories whose workflows may deploy the app."""
        return self._list(Link, "links", Question(path=app_path(app, "github")))

    def link(self, app: str, wanted: LinkRepository) -> Link:
        """Allow a repository's workflows to deploy the app. Repeating the call is harmless."""
        lost, check = f"{wanted.repository} may or may not be linked to {app}", f"`pvdify github {app}` shows it"
        question = Question(
            method="POST", path=app_path(app, "github"), body=request_body(wanted), lost=lost, check=check
        )
        return self._session.ask_for(Link, question)

    def unlink(self, app: str, repository: str) -> None:
        """Forbid a repository's workflows to deploy the app."""
        lost, check = f"{repository} may or may not be linked to {app} still", f"`pvdify github {app}` shows it"
        path = app_path(app, "github", *repository.split("/"))
        self._session.ask(Question(method="DELETE", path=path, lost=lost, check=check))
