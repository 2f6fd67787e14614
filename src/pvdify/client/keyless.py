"""Signing in from a GitHub workflow without a stored secret, with the workflow's OpenID token."""

import json
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote, urlsplit

from pvdify.client.endpoint import is_loopback
from pvdify.client.session import Question, Session
from pvdify.client.target import Target
from pvdify.errors import NotSignedIn

ADDRESS, SECRET = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
SECONDS = 20.0
LARGEST_ANSWER = 64 * 1024


def sign_in(target: Target, environ: Mapping[str, str], app: str | None) -> Target:
    """Sign in with the workflow's identity, and return the target with the token for this app.

    Returns the target unchanged if it has a token, is a unix socket, or no GitHub workflow runs. GitHub's token names
    this server's address as its audience, so that no other server accepts it. Raises NotSignedIn, InvalidSetting (no
    server was named), and the server's refusal.
    """
    is_workflow = environ.get("GITHUB_ACTIONS") == "true"
    if target.token is not None or target.endpoint.scheme == "unix" or not is_workflow or app is None:
        return target
    from pvdify.client.encode import request_body
    from pvdify.wire.answers import NewToken
    from pvdify.wire.requests import ExchangeIdentity

    target.check_chosen()
    if not environ.get(ADDRESS) or not environ.get(SECRET):
        raise NotSignedIn(
            f"this workflow has no token for {target.endpoint.url}",
            why="PVDIFY_TOKEN is empty, and GitHub gives this job no token of its own to show",
            next="add `permissions: {id-token: write, contents: read}` to the job and have an admin run "
            f"`pvdify github:link {app} OWNER/REPO`; or set PVDIFY_TOKEN from a secret",
        )
    body = request_body(ExchangeIdentity(token=_ask_github(target.endpoint.url, environ), app=app))
    lost, check = "GitHub's token was sent, and no answer came", "run the job again; each run gets a token of its own"
    question = Question(method="POST", path="/auth/github", body=body, lost=lost, check=check)
    return replace(target, token=Session(target).ask_for(NewToken, question).token)


def _ask_github(audience: str, environ: Mapping[str, str]) -> str:
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    address = f"{environ[ADDRESS]}&audience={quote(audience, safe='')}"
    parts = urlsplit(address)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise _no_token(f"{ADDRESS} is no https address")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked
        address, headers={"Authorization": f"Bearer {environ[SECRET]}", "Accept": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the scheme is checked
            value = json.loads(answer.read(LARGEST_ANSWER))["value"]
    except urllib.error.HTTPError as error:
        with error:
            raise _no_token(f"it answered {error.code}") from error
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        raise _no_token(str(error)) from error
    if not isinstance(value, str):
        raise _no_token("its answer holds no token")
    return value


def _no_token(why: str) -> NotSignedIn:
    return NotSignedIn(
        "GitHub gave this workflow no token", why=why, next="run the job again, or set PVDIFY_TOKEN from a secret"
    )
