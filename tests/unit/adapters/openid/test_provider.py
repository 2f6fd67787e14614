"""What an OpenID provider has to sign so that a user is signed in; over real HTTP on loopback."""

import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.openid.provider import OpenidProvider
from pvdify.errors import ServiceUnavailable, SignInRefused
from pvdify.model.sign_in import Account, Challenge
from pvdify.plumbing.web import WebRequest
from tests.support.accounts_server import CLIENT, SECRET, AccountsServer
from tests.support.issuer import encoded, rsa_key

NOW = int(time.time())


class Attempts:
    """Repeated sign-ins by one user."""

    def __init__(self, server: AccountsServer, web: HttpxWeb) -> None:
        self.server, self._web = server, web
        self.provider = OpenidProvider(server.url, CLIENT, SECRET, web, SystemClock())

    async def __call__(self) -> Account:
        challenge = Challenge.fresh("http://127.0.0.1:9443/sign-in/callback")
        moved = await self._web.ask(WebRequest(method="GET", url=await self.provider.address(challenge)))
        code = parse_qs(urlsplit(moved.headers["location"]).query)["code"][0]
        return await self.provider.account(code, challenge)


@pytest.fixture
async def ada() -> AsyncIterator[Attempts]:
    web = HttpxWeb()
    with AccountsServer() as server:
        yield Attempts(server, web)
    await web.close()


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"}, {"iss": None}, {"aud": "another"}, {"aud": ["another"]}, {"aud": None},
        {"aud": [CLIENT, "another"]}, {"aud": [CLIENT, "another"], "azp": "another"}, {"azp": "another"},
        {"nonce": "of another attempt"}, {"nonce": None}, {"exp": NOW - 120}, {"exp": None}, {"exp": "soon"},
        {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "x" * 256},
    ],
)  # fmt: skip
async def test_a_token_for_another_audience_is_refused(ada: Attempts, claims: dict[str, Any]) -> None:
    ada.server.claims = claims

    with pytest.raises(SignInRefused):
        await ada()


async def test_an_issuer_may_end_in_a_slash_which_its_tokens_have_then_too(ada: Attempts) -> None:
    ada.server.issuer_end = "/"

    account = await ada()

    assert (account.subject, account.issuer) == ("7", ada.server.url)
    ada.server.claims = {"iss": ada.server.url}
    with pytest.raises(SignInRefused):
        await ada()


async def test_a_token_for_several_audiences_including_this_server_is_accepted(ada: Attempts) -> None:
    ada.server.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}

    assert (await ada()).subject == "7"


async def test_a_token_that_another_key_signed_is_refused(ada: Attempts) -> None:
    ada.server.key = rsa_key("forged")
    ada.server.header = {"kid": "accounts"}

    with pytest.raises(SignInRefused):
        await ada()


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_without_a_real_signature_is_refused(
    ada: Attempts, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    public = rsa_key("accounts").as_pem(private=False)

    def forged(nonce: str) -> str:
        claims = {"iss": ada.server.url, "sub": "7", "aud": CLIENT, "exp": NOW + 300, "nonce": nonce}
        head = ".".join(encoded(json.dumps(it).encode()) for it in ({"alg": algorithm, "kid": "accounts"}, claims))
        signature = hmac.digest(public, head.encode(), "sha256") if algorithm == "HS256" else b""
        return f"{head}.{encoded(signature)}"

    monkeypatch.setattr(ada.server, "id_token", forged)

    with pytest.raises(SignInRefused):
        await ada()


async def test_an_unverified_email_address_is_ignored(ada: Attempts) -> None:
    ada.server.person.is_verified = False

    assert (await ada()).emails == ()


async def test_the_email_address_is_read_from_user_info_if_the_token_has_none(ada: Attempts) -> None:
    ada.server.has_email_in_token = False

    assert (await ada()).emails == ("ada@example.com",)


async def test_user_info_about_another_account_is_refused(ada: Attempts) -> None:
    ada.server.has_email_in_token = False
    ada.server.info = {"sub": "8", "email": "root@example.com"}

    with pytest.raises(SignInRefused):
        await ada()


async def test_elliptic_curve_keys_are_accepted(ada: Attempts) -> None:
    ada.server.key = ECKey.generate_key("P-256", parameters={"kid": "curve", "use": "sig"})
    ada.server.published = [ada.server.key]

    assert (await ada()).subject == "7"


async def test_the_provider_metadata_is_read_once(ada: Attempts) -> None:
    await ada()
    await ada()

    assert ada.server.asked.count("/.well-known/openid-configuration") == 1
    assert ada.server.asked.count("/jwks") == 1


async def test_provider_metadata_of_another_issuer_is_refused(ada: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    described = ada.server.description()
    for changed in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": 7},
    ):
        monkeypatch.setattr(ada.server, "description", lambda changed=changed: described | changed)
        ada.provider = OpenidProvider(ada.server.url, CLIENT, SECRET, HttpxWeb(), SystemClock())
        with pytest.raises(ServiceUnavailable):
            await ada()
