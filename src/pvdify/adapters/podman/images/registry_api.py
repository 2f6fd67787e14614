"""Queries of a registry over HTTP: what a tag means now, and why podman or skopeo failed.

The manifest is requested as the OCI distribution specification describes. After a failure, the status and the error
codes decide, because a tool's words contain names that users chose.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from pvdify.errors import ServiceUnavailable
from pvdify.model.foreign_json import QUICK, parse_json
from pvdify.model.image_reference import ImageReference
from pvdify.plumbing.web import Web, WebAnswer, WebRequest

ASK_SECONDS = 10.0  # the longest one request may take
SHORT_SECONDS = 3.0  # the longest a request may take that a program can make instead
DOCKER_HUB, DOCKER_HUB_API = "docker.io", "registry-1.docker.io"
IMAGES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A registry's answer. ``codes``: those of its error list; ``retry_after``: seconds; ``document``: the JSON object.

    ``document`` is None if the content is not a JSON object.
    """

    status: int
    codes: tuple[str, ...] = ()
    retry_after: float | None = None
    document: dict[str, Any] | None = None
    is_web_page: bool = False


@dataclass(frozen=True, kw_only=True)
class RegistryAccess:
    """The login and the host check for a query.

    ``login``: the value of a Basic authorization; ``check_host``: raises an error for a host that must not be queried.
    """

    login: str | None = field(default=None, repr=False)
    check_host: Callable[[str], Awaitable[None]] | None = None


class RegistryApi:
    """A client for the manifest requests of a registry's API."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def ask(self, reference: ImageReference, asker: RegistryAccess) -> Reply | None:
        """Request the image's manifest and return the registry's answer; None if no answer came.

        Raises whatever ``asker.check_host`` raises for the host of the registry's token service.
        """
        answer = await self.get(reference, manifest_of(reference), asker)
        return understood(answer) if answer is not None else None

    async def digest(self, reference: ImageReference, asker: RegistryAccess) -> str | None:
        """Return the digest that the reference has now; "" if the registry refuses; None if only a program can tell.

        None means: no answer, or content without the digest in its header, because it is of the old schema, or cut.
        Raises as ``ask``.
        """
        answer = await self.get(reference, manifest_of(reference), asker, SHORT_SECONDS)
        if answer is None or answer.status != 200:
            return None if answer is None else ""
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        return digest if answer.headers.get("docker-content-digest") == digest else None

    async def get(
        self, reference: ImageReference, path: str, asker: RegistryAccess, seconds: float = ASK_SECONDS
    ) -> WebAnswer | None:
        """Return the answer below ``/v2/``, or the token service's refusal; None if none came. Raises as ``ask``."""
        scheme = "http" if reference.is_loopback else "https"
        host = DOCKER_HUB_API if reference.host == DOCKER_HUB else reference.host
        url = f"{scheme}://{host}/v2/{path}"
        headers = {"Accept": ", ".join((*IMAGES, *INDEXES))} if "/manifests/" in path else {}
        try:
            answer = await self._get(url, headers, seconds)
            if answer.status == 401:
                challenge = answer.headers.get("www-authenticate", "")
                authorization = await self._authorization(reference, challenge, asker, seconds)
                if isinstance(authorization, WebAnswer):
                    return authorization
                if authorization:
                    answer = await self._get(url, headers | {"Authorization": authorization}, seconds)
            return await self._redirected(reference, answer, asker, seconds)
        except ServiceUnavailable:
            return None

    async def _redirected(
        self, reference: ImageReference, answer: WebAnswer, asker: RegistryAccess, seconds: float
    ) -> WebAnswer:  # fmt: skip
        """Follow one redirect, to where a registry stores its blobs, without the login."""
        url = answer.headers.get("location", "")
        if answer.status not in (301, 302, 303, 307, 308) or not _may_be_asked(url, reference):
            return answer
        if asker.check_host is not None:
            await asker.check_host(urlsplit(url).netloc.rpartition("@")[2])
        return await self._get(url, {}, seconds)

    async def _authorization(
        self, reference: ImageReference, challenge: str, asker: RegistryAccess, seconds: float
    ) -> str | WebAnswer:
        """Return the Authorization header for the challenge, "" if there is none, or the token service's refusal."""
        basic = asker.login
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic":
            return f"Basic {basic}" if basic else ""
        parameters = dict(_CHALLENGE.findall(rest))
        realm = parameters.pop("realm", "")
        if kind.lower() != "bearer" or not _may_be_asked(realm, reference):
            return ""
        if asker.check_host is not None:
            await asker.check_host(urlsplit(realm).netloc.rpartition("@")[2])
        parameters.setdefault("scope", f"repository:{reference.path}:pull")
        query = urlencode({key: value for key, value in parameters.items() if key in ("service", "scope")})
        headers = {"Authorization": f"Basic {basic}"} if basic else {}
        answer = await self._get(f"{realm}{'&' if '?' in realm else '?'}{query}", headers, seconds)
        token = (_json(answer) or {}).get("token") or (_json(answer) or {}).get("access_token")
        return f"Bearer {token}" if answer.status == 200 and isinstance(token, str) else answer

    async def _get(self, url: str, headers: dict[str, str], seconds: float) -> WebAnswer:
        return await self._web.ask(WebRequest(method="GET", url=url, headers=headers, timeout=seconds))


def manifest_of(reference: ImageReference) -> str:
    """Return the path of the image's manifest."""
    return f"{reference.path}/manifests/{reference.digest or reference.tag}"


def understood(answer: WebAnswer) -> Reply:
    """Parse an answer of the distribution API, or of a web server that is not a registry."""
    document = _json(answer)
    errors = (document or {}).get("errors")
    codes = [each.get("code") for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    seconds = answer.headers.get("retry-after", "")
    return Reply(
        status=answer.status,
        codes=tuple(str(code) for code in codes if code),
        retry_after=float(seconds) if seconds.isdecimal() else None,
        document=document,
        is_web_page="html" in answer.headers.get("content-type", "").lower(),
    )


def _may_be_asked(realm: str, reference: ImageReference) -> bool:
    """Return whether a login may be sent to this token service: over HTTPS, or to a registry on this machine."""
    url = urlsplit(realm)
    return bool(url.hostname) and (url.scheme == "https" or (url.scheme == "http" and reference.is_loopback))


def _json(answer: WebAnswer) -> dict[str, Any] | None:
    try:
        document = parse_json(answer.content, largest=QUICK)  # tokens and errors are short documents
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
