"""An edge that records its calls, with scripted failures."""

from collections import deque

from pvdify.errors import PvdifyError
from pvdify.model.edge import EdgeLink, EdgeProblem, EdgeRule, EdgeState, EdgeWanted
from pvdify.model.instance import Secret
from pvdify.model.public import Cause, PublicAnswer


class FakeEdge:
    """``hostnames`` are those routed here; ``errors`` are raised by the next calls, in order."""

    kind = "cloudflare"
    address_headers = ("CF-Connecting-IP",)

    def __init__(self) -> None:
        self.causes: dict[int, Cause] = {}  # by the status of an answer
        self.hostnames: frozenset[str] = frozenset()
        self.rules: tuple[EdgeRule, ...] = ()
        self.version = 0
        self.in_force: int | None = None  # where the tunnel's program is behind
        self.is_silent = False  # it does not say
        self.health = "healthy"
        self.puts = 0
        self.removed: list[EdgeLink] = []
        self.errors: deque[PvdifyError] = deque()
        self.problems: tuple[EdgeProblem, ...] = ()

    def explain(self, hostname: str, answer: PublicAnswer) -> Cause | None:
        return self.causes.get(answer.status)

    async def put(self, wanted: EdgeWanted, link: EdgeLink) -> EdgeState:
        self.puts += 1
        if self.errors:
            raise self.errors.popleft()
        self.hostnames = wanted.hostnames
        self.version += wanted.rules != self.rules
        self.rules = wanted.rules
        return EdgeState(
            tunnel=link.tunnel or "pvdify-own", tunnel_id="t1", is_own=link.tunnel is None,
            run_token=Secret("run-token"), health=self.health, version=self.version, problems=self.problems,
        )  # fmt: skip

    async def rules_in_force(self) -> int | None:
        if self.is_silent:
            return None
        return self.in_force if self.in_force is not None else self.version

    async def remove(self, wanted: EdgeWanted, link: EdgeLink) -> None:
        if self.errors:
            raise self.errors.popleft()
        self.hostnames = frozenset()
        self.removed.append(link)


class FakeTunnelProcess:
    """Runs with the token it was given last."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.error: PvdifyError | None = None

    async def ensure_running(self, run_token: Secret) -> str:
        if self.error is not None:
            raise self.error
        self.token = str(run_token)
        return "it runs"

    async def stop(self) -> None:
        self.token = None
