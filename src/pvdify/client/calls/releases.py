"""Requests about releases and deploy logs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.encode import request_body
from pvdify.client.events import END, follow
from pvdify.client.session import Question, new_key
from pvdify.wire.answers import Release, RollbackPlan
from pvdify.wire.differences import ReleaseDiff
from pvdify.wire.requests import Deploy, Rollback


@dataclass(frozen=True, kw_only=True)
class DeployLine:
    """A line of text in a deploy log."""

    text: str


@dataclass(frozen=True, kw_only=True)
class StepBegan:
    """The start of a step of a deploy."""

    step: str


@dataclass(frozen=True, kw_only=True)
class DeployEnded:
    """The end of a deploy log: the release is live or has failed."""

    release: Release


class ReleaseCalls(Asking):
    """Requests about releases and their deploy logs."""

    def releases(self, app: str, *, limit: int = 15) -> list[Release]:
        """List the newest releases, newest first."""
        return self._list(Release, "releases", Question(path=app_path(app, "releases"), query={"limit": str(limit)}))

    def release(self, app: str, version: int) -> Release:
        return self._session.ask_for(Release, Question(path=app_path(app, "releases", version)))

    def deploy(self, app: str, deploy: Deploy, *, key: str | None = None) -> Release:
        """Start a deploy and return its release.

        Until an answer arrives, the request is repeated with the same key, so that only one release is made.
        """
        body = request_body(deploy)
        return self._make_release(app, app_path(app, "releases"), body, key or new_key())

    def rollback(self, app: str, rollback: Rollback) -> Release:
        """Start a deploy that repeats an older release, and return the new release. Safe to repeat, like a deploy."""
        return self._make_release(app, app_path(app, "rollback"), request_body(rollback), new_key())

    def rollback_plan(self, app: str, version: int | None) -> RollbackPlan:
        """Return what a rollback would do."""
        query = {} if version is None else {"version": str(version)}
        return self._session.ask_for(RollbackPlan, Question(path=app_path(app, "rollback"), query=query))

    def diff(self, app: str, older: int, newer: int) -> ReleaseDiff:
        """Return the differences between two releases."""
        path = app_path(app, "releases", older, "diff")
        return self._session.ask_for(ReleaseDiff, Question(path=path, query={"to": str(newer)}))

    def cancel(self, app: str, version: int) -> Release:
        """Request the cancellation of a release that is being deployed."""
        lost = f"v{version} of {app} may or may not be canceled"
        check = f"`pvdify releases:info {app} {version}` shows its status"
        path = app_path(app, "releases", version, "cancel")
        return self._session.ask_for(Release, Question(method="POST", path=path, lost=lost, check=check))

    def deploy_log(self, app: str, version: int) -> str:
        """Return the deploy log as written so far."""
        question = Question(path=app_path(app, "releases", version, "log"))
        return self._session.ask(question).body.decode("utf-8", "replace")

    def follow_deploy(self, app: str, version: int) -> Iterator[DeployLine | StepBegan | DeployEnded]:
        """Yield the deploy log from its first line to its end, as it is written.

        Raises StreamLost if the server does not come back.
        """
        question = Question(path=app_path(app, "releases", version, "log"), query={"follow": "1"})
        for event in follow(lambda last: self._session.open_stream(question, last), sleep=self._session.sleep):
            if event.name == "step":
                yield StepBegan(step=event.data)
            elif event.name == END:
                yield DeployEnded(release=self._session.understand_text(Release, event.data))
            elif event.name == "message":
                yield DeployLine(text=event.data)

    def _make_release(self, app: str, path: str, body: dict[str, Any], key: str) -> Release:
        lost = f"{app}: the answer was lost; a new release may or may not be on its way"
        check = f"`pvdify releases {app}` shows whether it is; visitors see no change until a switch"
        question = Question(method="POST", path=path, body=body, key=key, lost=lost, check=check)
        return self._session.ask_for(Release, question)
