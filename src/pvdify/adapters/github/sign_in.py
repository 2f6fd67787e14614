"""The ``sign_in_provider`` port on GitHub's OAuth. It has no ID tokens, so GitHub's API says whose account it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from pvdify.adapters.github.rest import RestApi
from pvdify.errors import CodeHostUnavailable, ServiceUnavailable
from pvdify.model.foreign_json import QUICK, parse_json
from pvdify.model.sign_in import Account, Challenge, refused
from pvdify.plumbing.web import Web, WebRequest

PUBLIC_API, PUBLIC_SITE = "https://api.github.com", "https://github.com"


class GithubSignIn:
    """An OAuth app at GitHub or at a GitHub Enterprise server."""

    title = "GitHub"

    def __init__(self, api: str, client_id: str, client_secret: str, web: Web) -> None:
        self._api, self._web = RestApi(web=web, url=api), web
        self._client_id, self._client_secret = client_id, client_secret
        self._site = PUBLIC_SITE if api == PUBLIC_API else f"{urlsplit(api).scheme}://{urlsplit(api).netloc}"

    async def address(self, challenge: Challenge) -> str:
        query = {
            "client_id": self._client_id, "redirect_uri": challenge.redirect, "scope": "read:user user:email",
            "state": challenge.state, "code_challenge": challenge.verifier_digest, "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self._site}/login/oauth/authorize?{urlencode(query)}"

    async def account(self, code: str, challenge: Challenge) -> Account:
        api = replace(self._api, token=await self._token(code, challenge))
        try:
            user = (await api.ask("GET", "/user")).content
            emails = (await api.ask("GET", "/user/emails")).content
        except CodeHostUnavailable as error:
            raise _unavailable(error.why) from error
        if not isinstance(user, Mapping) or not isinstance(user.get("id"), int) or not isinstance(user["login"], str):
            raise refused("GitHub did not say whose account it is")
        return Account(
            issuer=self._site, subject=str(user["id"]), name=str(user.get("name") or ""), github=user["login"],
            emails=_verified(emails),
        )  # fmt: skip

    async def _token(self, code: str, challenge: Challenge) -> str:
        form = {
            "client_id": self._client_id, "client_secret": self._client_secret, "code": code,
            "redirect_uri": challenge.redirect, "code_verifier": challenge.verifier,
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        url = f"{self._site}/login/oauth/access_token"
        answer = await self._web.ask(
            WebRequest(method="POST", url=url, headers=headers, content=urlencode(form).encode())
        )  # fmt: skip
        try:
            content = parse_json(answer.content, largest=QUICK)
        except ValueError as error:
            raise _unavailable(str(error)) from error
        # GitHub answers a wrong code with status 200 and an "error".
        token = content.get("access_token") if isinstance(content, Mapping) else None
        if answer.status >= 500 or answer.status == 429:
            raise _unavailable(f"status {answer.status}")
        if not isinstance(token, str):
            raise refused("GitHub did not accept the code")
        return token


def _verified(emails: Any) -> tuple[str, ...]:
    listed = emails if isinstance(emails, list) else []
    return tuple(
        str(it["email"]).lower() for it in listed if isinstance(it, Mapping) and it.get("verified") is True
    )  # fmt: skip


def _unavailable(why: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        "GitHub does not sign anyone in now", why=why, next="`pvdify open` signs you in without it"
    )
