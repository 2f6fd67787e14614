"""What the status of a pod says: whether its container runs, how it ended, and why it does not start; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pvdify.adapters.kubernetes.cluster import Json
from pvdify.adapters.kubernetes.names import RECORDED, Identity
from pvdify.model.instance import Exit

KILLED = 137
_NEVER_BEGAN = frozenset({"StartError", "ContainerCannotRun"})  # the program was not executed
_NODE_AWAY = frozenset({"NodeLost", "NodeStatusUnknown"})


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The end of one run of a container."""

    code: int
    reason: str
    message: str
    at: datetime

    @property
    def has_begun(self) -> bool:
        """Whether the program was executed at all."""
        return self.reason not in _NEVER_BEGAN

    @property
    def exit(self) -> Exit:
        """The end in pvdify's words."""
        return Exit(code=self.code, is_out_of_memory=self.reason == "OOMKilled")


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod of this server. ``ended``: how its container ended if it does not run; ``last``: the run before.

    ``recorded``: the number of restarts that are recorded already. ``is_attached``: a client reads its output.
    """

    identity: Identity
    name: str
    uid: str
    created_at: datetime
    is_ending: bool
    is_lost: bool
    is_failed: bool
    running_since: datetime | None
    waits_for: str
    message: str
    ended: Ended | None
    last: Ended | None
    restarts: int
    unscheduled: str
    node: str
    recorded: int
    is_attached: bool

    @property
    def is_up(self) -> bool:
        """Whether its container runs, on a node that answers."""
        return self.running_since is not None and not self.is_lost

    @property
    def has_run(self) -> bool:
        """Whether its program was executed at least once."""
        ends = [each for each in (self.ended, self.last) if each is not None]
        return self.running_since is not None or any(each.has_begun for each in ends)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more, or ever will."""
        return self.ended is not None and self.running_since is None and (self.is_ending or self.is_failed)

    @property
    def run(self) -> tuple[str, int]:
        """What distinguishes one run of the container from the next one."""
        return self.uid, self.restarts


def read(document: Json) -> Pod | None:
    """Return the pod; None if it is not one of pvdify's instances."""
    metadata = document.get("metadata") or {}
    identity = Identity.read(metadata)
    if identity is None:
        return None
    status = document.get("status") or {}
    container: dict[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
    state = container.get("state") or {}
    running, waiting = state.get("running"), state.get("waiting") or {}
    conditions = {str(each.get("type")): each for each in status.get("conditions") or ()}
    scheduled, ready = conditions.get("PodScheduled", {}), conditions.get("Ready", {})
    phase = str(status.get("phase") or "")
    ended = _ended(state.get("terminated"))
    if ended is None and not running and phase in ("Failed", "Succeeded"):
        ended = _evicted(status, phase)
    return Pod(
        identity=identity,
        name=str(metadata.get("name")),
        uid=str(metadata.get("uid")),
        created_at=when(metadata.get("creationTimestamp")),
        is_ending=bool(metadata.get("deletionTimestamp")),
        is_lost=_is_lost(status, running, ready),
        is_failed=phase in ("Failed", "Succeeded"),
        running_since=when(running.get("startedAt")) if running else None,
        waits_for=str(waiting.get("reason") or ""),
        message=str(waiting.get("message") or status.get("message") or ""),
        ended=ended,
        last=_ended((container.get("lastState") or {}).get("terminated")),
        restarts=int(container.get("restartCount") or 0),
        unscheduled=str(scheduled.get("message") or "") if scheduled.get("status") == "False" else "",
        node=str((document.get("spec") or {}).get("nodeName") or ""),
        recorded=_number((metadata.get("annotations") or {}).get(RECORDED)),
        is_attached=any(each.get("stdin") for each in (document.get("spec") or {}).get("containers") or ()),
    )


def current(pods: Iterable[Pod]) -> Pod | None:
    """Return the pod that is the instance now: the newest one that does not end."""
    return max(pods, key=lambda pod: (not pod.is_ending, pod.created_at, pod.uid), default=None)


def when(text: object) -> datetime:
    """Return the time that the API writes; the epoch if there is none."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _number(text: object) -> int:
    return int(str(text)) if str(text).isdecimal() else 0


def _is_lost(status: Json, running: object, ready: Json) -> bool:
    """Return whether the node of a running pod is away. Then its status is old, and the pod counts as not ready."""
    words = {str(status.get("reason") or ""), str(ready.get("reason") or "")}
    return bool(running) and (bool(words & _NODE_AWAY) or ready.get("status") == "False")


def _ended(terminated: Json | None) -> Ended | None:
    if not terminated:
        return None
    return Ended(
        code=int(terminated.get("exitCode") or 0),
        reason=str(terminated.get("reason") or ""),
        message=str(terminated.get("message") or ""),
        at=when(terminated.get("finishedAt")),
    )


def _evicted(status: Json, phase: str) -> Ended:
    """Return the end of a pod that has no container any more, such as an evicted one."""
    return Ended(
        code=0 if phase == "Succeeded" else KILLED,
        reason=str(status.get("reason") or "Evicted"),
        message=str(status.get("message") or ""),
        at=when(status.get("startTime")),
    )
