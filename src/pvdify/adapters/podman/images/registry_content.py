"""``plumbing.registries.RegistryContent`` on the HTTP API of registries."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace

from pvdify.adapters.podman.images import registry_errors
from pvdify.adapters.podman.images.local_hosts import HostGate
from pvdify.adapters.podman.images.registry_api import RegistryAccess, RegistryApi, manifest_of, understood
from pvdify.adapters.podman.images.registry_logins import AuthFile
from pvdify.errors import RegistryDenied, RegistryUnavailable
from pvdify.model.image_reference import ImageReference, parse_image_reference
from pvdify.model.registry import RegistryLogin
from pvdify.model.tenant import Tenant
from pvdify.ports.clock import Clock

TRIES, FIRST_PAUSE, LONGEST_WAIT = 3, 1.0, 60.0  # attempts while a registry is busy, and seconds between them


class HttpRegistryContent:
    """A reader of registries, with the logins that this server and its apps have.

    Args:
        api: requests to registries.
        auth_file: the logins.
        gate: refuses registries on this machine and its network link to apps that were not granted them.
        clock: waits for a busy registry.
    """

    def __init__(self, *, api: RegistryApi, auth_file: AuthFile, gate: HostGate, clock: Clock) -> None:
        self._api, self._auth_file, self._gate, self._clock = api, auth_file, gate, clock

    async def manifest(self, reference: ImageReference, tenant: Tenant | None) -> bytes:
        return await self._get(reference, manifest_of(reference), tenant)

    async def blob(self, reference: ImageReference, digest: str, tenant: Tenant | None) -> bytes:
        return await self._get(reference, f"{reference.path}/blobs/{digest}", tenant)

    async def check(self, login: RegistryLogin) -> None:
        reference = parse_image_reference(f"{login.host}/image")
        basic = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        answer = await self._api.get(reference, "", RegistryAccess(login=basic))
        if answer is not None and answer.status == 200:
            return
        again = f"`pvdify registry:login {login.host} -u {login.username}` again"
        if answer is not None and answer.status in (401, 403):
            raise RegistryDenied(
                f"{login.host} does not accept this password of {login.username}", why=f"HTTP {answer.status}",
                next=f"check user and password or access token, then {again}",
            )  # fmt: skip
        raise RegistryUnavailable(
            f"{login.host} does not answer, so this server was not signed in there",
            why="no answer came" if answer is None else f"HTTP {answer.status}", next=f"check the name, then {again}",
        )  # fmt: skip

    async def _get(self, reference: ImageReference, path: str, tenant: Tenant | None) -> bytes:
        await self._gate.check(reference, tenant)
        apps = tenant.apps if tenant else ()
        asker = RegistryAccess(
            login=self._auth_file.basic(reference.host, apps), check_host=self._checker(reference, tenant)
        )
        waited, pause = 0.0, FIRST_PAUSE
        for tries in range(1, TRIES + 1):
            answer = await self._api.get(reference, path, asker)
            if answer is not None and answer.status == 200 and "html" not in answer.headers.get("content-type", ""):
                return answer.content
            is_busy = answer is not None and (answer.status == 429 or answer.status >= 500)
            said = None if answer is None else understood(answer)
            wait = (said.retry_after if said is not None else None) or pause
            if not is_busy or tries == TRIES or waited + wait > LONGEST_WAIT:
                break
            await self._clock.sleep(wait)
            waited, pause = waited + wait, pause * 3
        username = self._auth_file.username(reference.host, apps)
        error = registry_errors.of_answer(reference, said, username, architecture="") if said is not None else None
        raise error or registry_errors.ask_failed(reference, "no answer came: connection refused or timed out")

    def _checker(self, reference: ImageReference, tenant: Tenant | None) -> Callable[[str], Awaitable[None]]:
        async def check(host: str) -> None:
            await self._gate.check(replace(reference, host=host), tenant)

        return check
