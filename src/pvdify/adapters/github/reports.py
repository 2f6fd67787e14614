"""The ``outlet`` port on GitHub: a deployment for each release, and one comment on a preview's pull request."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pvdify.adapters.github import report_bodies
from pvdify.adapters.github.rest import RestApi
from pvdify.errors import CodeHostUnavailable
from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Delivery, Notice, attempt_of

A_PAGE = 100  # results; the most that GitHub returns per page
MOST_PAGES = 10  # pages of comments that are searched for pvdify's comment
DEPLOYED = ("deploy.live", "deploy.failed", "rollback.live", "rollback.failed")


class _Refused(Exception):
    """GitHub answered with a status of 300 or above."""

    def __init__(self, status: int, asked: str) -> None:
        super().__init__(asked)
        self.status = status


class GithubReports:
    """Implements ``ports.outlet.Outlet``. The token is the server's own, so ``keys`` is ignored."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def send(self, delivery: Delivery, keys: Mapping[str, Secret]) -> Attempt:  # noqa: ARG002 - the port's
        notice = delivery.notice
        if notice.repository is None:
            return Attempt(is_delivered=True, text="no repository is known for the app")
        try:
            if notice.pull_request is not None:
                await self._comment(notice, notice.pull_request)
            if notice.action in DEPLOYED and notice.commit is not None:
                await self._deploy(delivery)
            if notice.action == "preview.ended":
                await self._end(notice)
        except CodeHostUnavailable as error:
            return Attempt(is_delivered=False, text=error.why)
        except _Refused as error:
            attempt = attempt_of(error.status, None)
            return Attempt(is_delivered=False, is_final=attempt.is_final, status=error.status, text=str(error))
        except (KeyError, TypeError, AttributeError) as error:
            return Attempt(is_delivered=False, text=f"GitHub's answer has an unexpected form: {error!r}")
        return Attempt(is_delivered=True)

    async def _comment(self, notice: Notice, pull_request: int) -> None:
        """Edit pvdify's comment, or create it. A comment that reports this notice or a later one is left as it is."""
        found = await self._find_comment(notice, pull_request)
        if found is None:
            await self._ask("POST", f"{_path(notice)}/issues/{pull_request}/comments", report_bodies.comment(notice))
            return
        id, event = found
        if event < notice.id:
            await self._ask("PATCH", f"{_path(notice)}/issues/comments/{id}", report_bodies.comment(notice))

    async def _find_comment(self, notice: Notice, pull_request: int) -> tuple[int, int] | None:
        for page in range(1, MOST_PAGES + 1):
            query = urlencode({"per_page": A_PAGE, "page": page})
            listed = await self._ask("GET", f"{_path(notice)}/issues/{pull_request}/comments?{query}")
            for comment in listed:
                event = report_bodies.event_in(comment.get("body") or "", notice.app or "")
                if event is not None:
                    return int(comment["id"]), event
            if len(listed) < A_PAGE:
                break
        return None

    async def _deploy(self, delivery: Delivery) -> None:
        notice, id = delivery.notice, await self._find_deployment(delivery)
        if id is None:
            body = report_bodies.deployment(notice, delivery.id)
            id = int((await self._ask("POST", f"{_path(notice)}/deployments", body))["id"])
        await self._ask("POST", f"{_path(notice)}/deployments/{id}/statuses", report_bodies.status(notice))

    async def _find_deployment(self, delivery: Delivery) -> int | None:
        """Return the id of the deployment that an earlier try of this delivery created, or None.

        If pvdifyd was killed during that try, no attempt is recorded, so the first try searches, too.
        """
        for found in await self._deployments(delivery.notice, sha=delivery.notice.commit or ""):
            payload = found.get("payload")
            if isinstance(payload, dict) and payload.get("pvdify") == delivery.id:
                return int(found["id"])
        return None

    async def _end(self, notice: Notice) -> None:
        for found in await self._deployments(notice):
            await self._ask("POST", f"{_path(notice)}/deployments/{found['id']}/statuses", report_bodies.inactive())

    async def _deployments(self, notice: Notice, **more: str) -> Any:
        query = urlencode({"environment": notice.app or "", "per_page": A_PAGE, **more})
        return await self._ask("GET", f"{_path(notice)}/deployments?{query}")

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        answer = await self._api.ask(method, path, body)
        if answer.status >= 300:
            raise _Refused(answer.status, f"{method} {path.partition('?')[0]}: answered {answer.status}")
        return answer.content


def _path(notice: Notice) -> str:
    return f"/repos/{quote(notice.repository or '', safe='/')}"
