"""Requests to the API server: JSON in and out, retried while it is away, with its refusals as errors.

lightkube reads the kubeconfig or the account in the pod, and signs the requests.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pvdify.errors import RuntimeHangs, RuntimeUnavailable
from pvdify.plumbing.handshakes import close_canceled_handshake
from pvdify.ports.clock import Clock

if TYPE_CHECKING:
    import httpx2

Json = dict[str, Any]
DEADLINE = 30.0  # seconds in which a request is tried again while the API server is away
REQUEST_SECONDS = 10.0  # the longest one request may take
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0  # seconds between two attempts
FIELD_MANAGER = "pvdify"
_BUSY = frozenset({429, 500, 502, 503, 504})
_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
_NEXT = "`kubectl cluster-info` with the same kubeconfig shows whether it answers; running apps keep running"


class Refused(Exception):
    """The API server refused a request. ``status``: of HTTP; ``reason``: its word, such as ``AlreadyExists``."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


class Cluster:
    """The API server of one cluster.

    Args:
        kubeconfig: the path of the file; empty for the account of the pod that pvdifyd runs in.
        clock: the time.
        deadline: seconds in which a request is tried again while the API server is away.
        connect: makes the HTTP client from the kubeconfig's path. Raises RuntimeUnavailable.
    """

    def __init__(
        self, *, kubeconfig: str, clock: Clock, deadline: float = DEADLINE,
        connect: "Callable[[str], httpx2.AsyncClient] | None" = None,
    ) -> None:  # fmt: skip
        self._kubeconfig = kubeconfig
        self._clock = clock
        self._deadline = deadline
        self._connect = connect or _open
        self._opened: httpx2.AsyncClient | None = None

    async def get(self, path: str) -> Json | None:
        """Return the object; None if there is none. Raises RuntimeUnavailable."""
        try:
            return await self._must("GET", path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise unavailable(refused) from refused

    async def objects(self, path: str, labels: str = "", **params: str) -> list[Json]:
        """Return the objects with these labels. Raises RuntimeUnavailable."""
        return (await self.listing(path, labels, **params))[0]

    async def listing(self, path: str, labels: str = "", **params: str) -> tuple[list[Json], str]:
        """Return the objects with these labels, and the version of the list. Raises RuntimeUnavailable."""
        try:
            answer = await self._must("GET", path, params={"labelSelector": labels, **params})
        except Refused as refused:
            raise unavailable(refused) from refused
        return list(answer.get("items") or ()), str((answer.get("metadata") or {}).get("resourceVersion") or "")

    async def date(self) -> str:
        """Return the Date header of an answer; "" if it has none. Raises RuntimeUnavailable."""
        import httpx2

        try:
            answer = await (await self._client()).get("/version")
        except httpx2.HTTPError as error:
            raise _away(str(error) or type(error).__name__) from error
        return str(answer.headers.get("Date", ""))

    async def apply(self, path: str, document: Json) -> Json:
        """Create the object or change it to match (server-side apply). Raises Refused, RuntimeUnavailable."""
        params = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._must("PATCH", path, params=params, document=document, kind=_APPLY)

    async def create(self, path: str, document: Json) -> Json:
        """Create the object at the collection's path. Raises Refused, also if it exists, and RuntimeUnavailable."""
        return await self._must("POST", path, params={"fieldManager": FIELD_MANAGER}, document=document)

    async def merge(self, path: str, patch: Json) -> Json | None:
        """Change parts of the object; return None if there is none. Raises RuntimeUnavailable."""
        try:
            return await self._must("PATCH", path, params={"fieldManager": FIELD_MANAGER}, document=patch, kind=_MERGE)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise unavailable(refused) from refused

    async def delete(self, path: str, *, grace: int | None = None, uid: str = "") -> bool:
        """Delete the object and what it owns; return False if there is none. Raises RuntimeUnavailable.

        ``uid``: delete only the object with this uid, not a newer one of the same name.
        """
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._must("DELETE", path, document=options)
        except Refused as refused:
            if refused.status == 404 or (uid and refused.status == 409):
                return False
            raise unavailable(refused) from refused
        return True

    @asynccontextmanager
    async def stream(self, path: str, params: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open an answer without end, such as a watch or a log. Raises Refused, RuntimeUnavailable."""
        import httpx2

        client = await self._client()
        request = client.build_request("GET", path, params=dict(params))
        request.extensions["timeout"] = httpx2.Timeout(REQUEST_SECONDS, read=None).as_dict()
        try:
            answer = await client.send(request, stream=True)
        except httpx2.HTTPError as error:
            raise _away(str(error) or type(error).__name__) from error
        try:
            if answer.status_code >= 400:
                raise _refusal(answer.status_code, await answer.aread())
            yield _pieces(answer)
        finally:
            await answer.aclose()

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.aclose()
            self._opened = None

    async def _must(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, document: Json | None = None,
        kind: str = "application/json",
    ) -> Json:  # fmt: skip
        """Ask, and again while the API server is away or busy. Raises Refused, RuntimeUnavailable."""
        import httpx2

        client, begun, pause = await self._client(), self._clock.monotonic(), FIRST_PAUSE
        content = None if document is None else json.dumps(document).encode()
        headers = {} if content is None else {"Content-Type": kind}
        while True:
            try:
                request = client.build_request(method, path, params=params, content=content, headers=headers)
                async with asyncio.timeout(REQUEST_SECONDS * 2):
                    answer = await client.send(request)
            except (httpx2.HTTPError, OSError, TimeoutError) as error:
                failure: Exception = error
                words = str(error) or type(error).__name__
            else:
                if answer.status_code < 400:
                    return _object(answer.content)
                failure = _refusal(answer.status_code, answer.content)
                if answer.status_code not in _BUSY:
                    raise failure
                words = f"it answers HTTP {answer.status_code}: {failure}"
            if self._clock.monotonic() - begun + pause > self._deadline:
                raise _away(f"{words}, for {self._deadline:g} s") from failure
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _client(self) -> "httpx2.AsyncClient":
        if self._opened is None:
            self._opened = await asyncio.to_thread(self._connect, self._kubeconfig)
        return self._opened


def _open(kubeconfig: str) -> "httpx2.AsyncClient":
    """Read the kubeconfig, or the account in the pod. Raises RuntimeUnavailable."""
    try:
        import httpx2
        from lightkube.config.client_adapter import ConnectionParams
        from lightkube.config.kubeconfig import KubeConfig
        from lightkube.core.exceptions import ConfigError
    except ImportError as error:
        raise RuntimeUnavailable(
            "this server cannot talk to Kubernetes",
            why=f"a Python package is missing: {error}",
            next="`pip install pvdify[kubernetes]` into the environment of pvdifyd, then start it again",
        ) from error
    try:
        whole = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_service_account()
        config = whole.get()
        if config is None:
            raise ConfigError("it has no current context")
        params = ConnectionParams(timeout=httpx2.Timeout(REQUEST_SECONDS), trust_env=False).httpx_params(config)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        return httpx2.AsyncClient(**params, limits=limits, event_hooks={"request": [close_canceled_handshake]})
    except (ConfigError, OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise RuntimeUnavailable(
            f"{kubeconfig or 'the account of this pod'} does not say how to reach a cluster",
            why=str(error) or type(error).__name__,
            next="set `kubeconfig` to a file that `kubectl --kubeconfig FILE get namespaces` works with",
        ) from error


async def _pieces(answer: "httpx2.Response") -> AsyncIterator[bytes]:
    import httpx2

    try:
        async for piece in answer.aiter_bytes():
            yield piece
    except httpx2.HTTPError as error:
        raise _away(str(error) or type(error).__name__) from error


def unavailable(refused: Refused) -> RuntimeUnavailable:
    """Return the error for a refusal of something that should always succeed, such as a missing right."""
    if refused.status in (401, 403):
        return RuntimeUnavailable(
            "the cluster does not let this server do its work",
            why=refused.message,
            next="give its account the right that the message names (packaging/kubernetes has the whole list)",
        )
    return RuntimeUnavailable(
        "the cluster does not do what this server asks", why=f"{refused.message} ({refused.reason})", next=_NEXT
    )


def _refusal(status: int, content: bytes) -> Refused:
    try:
        document = _object(content)
    except ValueError:
        document = {}
    message = str(document.get("message") or content[:300].decode(errors="replace") or f"HTTP {status}")
    return Refused(status, str(document.get("reason") or status), message)


def _object(content: bytes) -> Json:
    document = json.loads(content)
    return document if isinstance(document, dict) else {}


def _away(words: str) -> RuntimeHangs:
    return RuntimeHangs("the API server of the cluster does not answer", why=words, next=_NEXT)
