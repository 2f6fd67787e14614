"""The ``sign_in_provider`` port: the fake, an OpenID provider and GitHub, the last two over real HTTP on loopback."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.github.sign_in import GithubSignIn
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.openid.provider import OpenidProvider
from pvdify.errors import ServiceUnavailable, SignInRefused
from pvdify.model.sign_in import Challenge
from pvdify.plumbing.web import WebRequest
from pvdify.ports.sign_in_provider import SignInProvider
from tests.fakes.sign_in_provider import FakeSignInProvider
from tests.support.accounts_server import CLIENT, SECRET, AccountsServer

REDIRECT = "http://127.0.0.1:9443/sign-in/callback"


@dataclass
class Place:
    """A provider at which Ada has an account."""

    provider: SignInProvider
    fake: FakeSignInProvider | None = None
    server: AccountsServer | None = None
    web: HttpxWeb | None = None

    async def agree(self, challenge: Challenge) -> str:
        """Follow the redirect as Ada's browser; return the code of the answer."""
        address = await self.provider.address(challenge)
        if self.fake is not None:
            return self.fake.approve()
        assert self.web is not None
        moved = await self.web.ask(WebRequest(method="GET", url=address))
        query = parse_qs(urlsplit(moved.headers["location"]).query)
        assert query["state"] == [challenge.state]
        return query["code"][0]

    def go_down(self) -> None:
        if self.fake is not None:
            self.fake.is_down = True
        if self.server is not None:
            self.server.is_down = True


@pytest.fixture(params=["fake", "openid", "github"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    if request.param == "fake":
        fake = FakeSignInProvider()
        yield Place(provider=fake, fake=fake)
        return
    web = HttpxWeb()
    with AccountsServer() as server:
        real: SignInProvider = GithubSignIn(server.url, CLIENT, SECRET, web)
        if request.param == "openid":
            real = OpenidProvider(server.url, CLIENT, SECRET, web, SystemClock())
        yield Place(provider=real, server=server, web=web)
    await web.close()


async def test_a_code_identifies_the_account_that_agreed(place: Place) -> None:
    challenge = Challenge.fresh(REDIRECT)

    account = await place.provider.account(await place.agree(challenge), challenge)

    assert account.subject == "7"
    assert account.issuer.startswith("http")
    assert account.emails == ("ada@example.com",)
    assert account.name == "Ada Lovelace"


async def test_a_code_is_valid_once_and_cannot_be_forged(place: Place) -> None:
    challenge = Challenge.fresh(REDIRECT)
    code = await place.agree(challenge)
    await place.provider.account(code, challenge)

    for wrong in (code, "made-up"):
        with pytest.raises(SignInRefused):
            await place.provider.account(wrong, challenge)


async def test_a_provider_outage_is_distinguished_from_a_refusal(place: Place) -> None:
    challenge = Challenge.fresh(REDIRECT)
    code = await place.agree(challenge)
    place.go_down()

    with pytest.raises(ServiceUnavailable):
        await place.provider.account(code, challenge)


async def test_a_code_of_another_attempt_is_refused(place: Place) -> None:
    if place.fake is not None:
        pytest.skip("the fake has no verifier")
    challenge = Challenge.fresh(REDIRECT)
    code = await place.agree(challenge)

    with pytest.raises(SignInRefused):
        await place.provider.account(code, replace(challenge, verifier="of another browser"))
