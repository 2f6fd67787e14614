"""Previews and linked apps are reported to GitHub, as long as this server has a token for it."""

from collections.abc import AsyncIterator

import pytest

from pvdify.adapters.github.reports import GithubReports
from pvdify.adapters.github.rest import RestApi
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.engine.access.keyless import LinkRequest
from pvdify.engine.notifying.github_reports import ensure_reports
from pvdify.engine.notifying.notifications import NotificationRequest
from pvdify.errors import InvalidError
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel
from pvdify.model.release import Source
from tests.fakes.github_api import FakeGithub
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.wanted import preview_request

IMAGE = "reg.example.com/shop:v1"
API = "https://api.github.com"


@pytest.fixture
async def daemon():
    machine = Machine(standby="1s")
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.courier.deliver_due()
    yield daemon
    await daemon.bury()


async def deliver_due(daemon: Daemon) -> None:
    await daemon.courier.deliver_due()
    await daemon.courier.idle()


@pytest.fixture
async def web() -> AsyncIterator[HttpxWeb]:
    web = HttpxWeb()
    yield web
    await web.close()


async def report(daemon: Daemon, *, is_on: bool) -> None:
    world = daemon.world
    await ensure_reports(API, is_on=is_on, clock=world.clock, credentials=world.credentials, outbox=world.outbox)


async def open_preview(daemon: Daemon) -> None:
    request = preview_request(image=IMAGE, repository="org/shop", source=Source(commit="c0ffee"))
    _, release = await daemon.previews.open("shop", 12, request, ACTOR)
    await daemon.finish("shop-pr-12", release.version)


async def test_a_preview_has_one_comment_and_one_deployment(daemon: Daemon, web: HttpxWeb):
    await report(daemon, is_on=True)
    with FakeGithub() as github:
        daemon.machine.outlets[Channel.GITHUB] = GithubReports(RestApi(web=web, url=github.url, token="t"))  # type: ignore[assignment]

        await open_preview(daemon)
        await deliver_due(daemon)
        live = [it["body"] for it in github.state.comments]
        await daemon.previews.close("shop", 12, ACTOR)
        await deliver_due(daemon)

        assert "shop-pr-12 v1 is live" in live[0]
        assert "the pull request is closed; goes at" in github.state.comments[0]["body"]
        assert [(it["sha"], it["environment"]) for it in github.state.deployments] == [("c0ffee", "shop-pr-12")]
        github.check()


async def test_the_end_of_a_preview_is_reported_after_its_removal(daemon: Daemon, web: HttpxWeb):
    await report(daemon, is_on=True)
    with FakeGithub() as github:
        daemon.machine.outlets[Channel.GITHUB] = GithubReports(RestApi(web=web, url=github.url, token="t"))  # type: ignore[assignment]
        await open_preview(daemon)
        await deliver_due(daemon)

        await daemon.previews.end(await daemon.previews.get("shop", 12), "for the test")
        await daemon.finish_retirements()
        assert await daemon.machine.store.app("shop-pr-12") is None
        await deliver_due(daemon)

        assert "gone, with everything of it" in github.state.comments[0]["body"]
        assert [it["state"] for _, it in github.state.statuses] == ["success", "inactive"]
        github.check()


async def test_a_linked_apps_releases_are_reported_with_its_repository_and_others_without(daemon: Daemon):
    await report(daemon, is_on=True)
    wanted = LinkRequest(repository="org/shop", repository_id=74, owner_id=65)
    await daemon.keyless.link("shop", wanted, ACTOR)

    await daemon.deploy("shop", IMAGE)
    await daemon.deploy("blog", IMAGE)
    await deliver_due(daemon)

    notices = [it.notice for it in daemon.machine.outlets[Channel.GITHUB].delivered]
    assert [(it.app, it.repository, it.pull_request) for it in notices] == [
        ("shop", "org/shop", None),
        ("blog", None, None),
    ]


async def test_github_reports_are_enabled_by_the_token(daemon: Daemon):
    for _ in range(2):
        await report(daemon, is_on=True)
    there = await daemon.world.outbox.subscriptions()
    for _ in range(2):
        await report(daemon, is_on=False)

    assert [(it.id, it.address) for it in there] == [("github", API)]
    assert await daemon.world.outbox.subscriptions() == ()
    assert await daemon.world.credentials.read("github") is None
    actions = [it.action for it in await daemon.machine.store.events()]
    assert actions == ["github.untold", "github.told"]


async def test_github_reports_are_not_listed_as_notifications(daemon: Daemon):
    await report(daemon, is_on=True)

    with pytest.raises(InvalidError, match="is no channel of a notification"):
        await daemon.notifications.add(NotificationRequest(channel=Channel.GITHUB, url=Secret(API)), ACTOR)

    assert await daemon.notifications.list() == ()
