"""Limits on concurrent requests and open streams, per token, per app and for the whole server."""

from collections import Counter
from collections.abc import Callable, Mapping

from pvdify.errors import TooManyRequests
from pvdify.model.token import Actor

REQUESTS_OF_TOKEN = 64
STREAMS_OF_TOKEN = 32
STREAMS_OF_APP = 128
RETRY_AFTER = 5  # seconds


class Places:
    """Counts concurrent requests and streams. ``request`` and ``stream`` return a function that frees the place.

    The caller must call that function exactly once.
    """

    def __init__(self, streams: int) -> None:
        self._streams = streams
        self._taken: Counter[str] = Counter()

    def request(self, actor: Actor) -> Callable[[], None]:
        """Take a place for a request. Raises TooManyRequests."""
        return self._take("requests", {_token(actor): REQUESTS_OF_TOKEN})

    def stream(self, actor: Actor, app: str | None) -> Callable[[], None]:
        """Take a place for a stream of an app, or of the whole server if ``app`` is None. Raises TooManyRequests."""
        of_app = {f"the app {app}": STREAMS_OF_APP} if app else {}
        return self._take("streams", {_token(actor): STREAMS_OF_TOKEN, **of_app, "all clients": self._streams})

    def _take(self, what: str, most: Mapping[str, int]) -> Callable[[], None]:
        for whose, limit in most.items():
            if self._taken[f"{what} of {whose}"] >= limit:
                raise TooManyRequests(
                    f"too many {what} at once",
                    why=f"{limit} {what} of {whose.partition(' #')[0]} are open, which is the limit",
                    next=f"end some of them, or ask again in {RETRY_AFTER} s",
                    details={"retry_after": RETRY_AFTER},
                )
        keys = [f"{what} of {whose}" for whose in most]
        self._taken.update(keys)

        def give_back() -> None:
            for key in keys:
                self._taken[key] -= 1
                if not self._taken[key]:
                    del self._taken[key]

        return give_back


def _token(actor: Actor) -> str:
    return f"the token {actor.name} #{actor.token}"
