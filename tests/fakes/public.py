"""The internet between visitors and the router: by default nothing of it is in the way."""

from urllib.parse import urlsplit

from pvdify.model.names import slot_key
from pvdify.model.public import PublicAnswer
from tests.fakes.router import FakeRouter


class FakePublicWeb:
    """``answer``: what comes instead of the router's own."""

    def __init__(self, router: FakeRouter) -> None:
        self._router = router
        self.answer: PublicAnswer | None = None
        self.looked: list[str] = []

    async def get(self, url: str, timeout: float) -> PublicAnswer:
        self.looked.append(url)
        if self.answer is not None:
            return self.answer
        parts = urlsplit(url)
        route = next((it for it in (await self._router.routes()).values() if parts.hostname in it.hostnames), None)
        if route is None or route.slot is None:
            return PublicAnswer(status=404)
        return PublicAnswer(status=200, content=await self._router.proof(parts.path, slot_key(route.app, route.slot)))
