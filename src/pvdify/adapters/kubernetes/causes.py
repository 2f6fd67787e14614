"""Why an instance does not start, from the conditions of its pod and the cluster's events; pure."""

import re

from pvdify.adapters.kubernetes.cluster import Json
from pvdify.adapters.kubernetes.pods import Pod
from pvdify.errors import StartFailed
from pvdify.model.instance import InstanceSpec

LONGEST_WHY = 400  # characters of the cluster's words that an error quotes
_PULLS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ErrImageNeverPull"})
_GIVE_UP = frozenset({
    "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "CreateContainerConfigError",
    "CreateContainerError", "RunContainerError",
})  # fmt: skip
_DENIED = re.compile(r"\b40[13]\b|unauthorized|denied|authorization failed|no basic auth", re.IGNORECASE)
_MISSING = re.compile(r"not found|manifest unknown|\b404\b", re.IGNORECASE)
_NO_PROGRAM = re.compile(r"no such file or directory|executable file not found", re.IGNORECASE)
_NOT_EXECUTABLE = re.compile(r"permission denied|exec format error", re.IGNORECASE)
# A busy kubelet says these, and tries again by itself.
_PASSING = re.compile(r"failed to sync|timed out waiting|deadline exceeded|failed to reserve")
_QUOTA = re.compile(
    r"exceeded quota: (?P<which>[^,]+), requested: (?P<asked>.+), used: (?P<used>.+), limited: (?P<most>.+)"
)
_WEBHOOK = re.compile(r'admission webhook "(?P<name>[^"]+)" denied the request: ?(?P<words>.*)', re.DOTALL)
_NODES = re.compile(r"^(?P<fit>\d+)/(?P<all>\d+) nodes are available: (?P<words>.*)$", re.DOTALL)
_AGAIN = "then `pvdify deploy` again"


def refusal(spec: InstanceSpec, pod: Pod, words: str = "") -> StartFailed | None:
    """Return the error for a container that will not start by itself; None if it may still start.

    ``words``: why its pull failed before, which the status of a waiting pod no longer says.
    """
    if pod.has_run:
        return None
    ended = pod.ended or pod.last
    if ended is not None:
        return failed(spec, *_of_program(spec, ended.message or f"{ended.reason}, exit code {ended.code}"))
    if pod.waits_for in _GIVE_UP and (pod.waits_for in _PULLS or not _PASSING.search(pod.message)):
        return waiting(spec, pod, words)
    return None


def is_not_pulled(pod: Pod) -> bool:
    """Return whether the node has no image to start the container of."""
    return pod.waits_for in _PULLS


def may_be_pulled_later(pod: Pod, words: str) -> bool:
    """Return whether a pull has failed, with these words, and the node's next attempt may succeed."""
    return pod.waits_for in ("ErrImagePull", "ImagePullBackOff") and not _MISSING.search(words or pod.message)


def waiting(spec: InstanceSpec, pod: Pod, said: str = "") -> StartFailed:
    """Return the error for a container that waits, as its status or the events before say."""
    words = said or pod.message or pod.waits_for
    if pod.waits_for in _PULLS:
        return failed(spec, *_of_pull(spec, words))
    if pod.waits_for in ("RunContainerError", "CreateContainerError"):
        return failed(spec, *_of_program(spec, words))
    return failed(spec, f"{pod.waits_for}: {words}", f"correct what the cluster says, {_AGAIN}")


def unscheduled(spec: InstanceSpec, words: str) -> StartFailed:
    """Return the error for a pod that no node takes: which resource is missing, and on how many nodes."""
    match = _NODES.match(words)
    megabytes = -(-spec.limits.memory // 1024**2)
    asks = f"it asks for {megabytes} MiB of memory"
    why = f"no node of {match['all']} takes it: {match['words']}" if match else f"no node takes it: {words}"
    return failed(
        spec, f"{why.rstrip('. ')}; {asks}",
        f"`kubectl describe nodes` shows what is free; add a node or lower resources in pvdify.yml, {_AGAIN}",
    )  # fmt: skip


def not_made(spec: InstanceSpec, words: str) -> StartFailed:
    """Return the error for a pod that the API server refuses: a quota, an admission webhook, or its own words."""
    if match := _QUOTA.search(words):
        return failed(
            spec,
            f"the quota {match['which']} of its namespace is used up: asked for {match['asked']}, "
            f"used {match['used']}, at most {match['most']}",
            f"raise `kubernetes_quota` in the server's settings, or stop what is not needed, {_AGAIN}",
        )
    if match := _WEBHOOK.search(words):
        return failed(
            spec, f"the cluster's admission webhook {match['name']} refused it: {match['words']}",
            f"correct what it says, or ask who runs the cluster, {_AGAIN}",
        )  # fmt: skip
    return failed(spec, f"the cluster refused its pod: {words}", f"correct what the cluster says, {_AGAIN}")


def incomplete(spec: InstanceSpec, volume: str) -> StartFailed:
    """Return the error for an instance whose volume has only a part of its files."""
    return failed(
        spec, f"its volume {volume} has only a part of its files: a copy into it was interrupted, or is not done yet",
        f"repeat the restore with `pvdify backups:restore {spec.app}`, {_AGAIN}",
    )  # fmt: skip


def too_slow(spec: InstanceSpec, seconds: float, events: list[Json]) -> StartFailed:
    """Return the error for a start that takes too long, with the newest warning about its pod."""
    warnings = [each for each in events if each.get("type") == "Warning"]
    newest = max(warnings, key=lambda it: str(it.get("lastTimestamp") or it.get("eventTime") or ""), default=None)
    said = f"{newest.get('reason')}: {newest.get('message')}" if newest else "the cluster gives no reason"
    return failed(
        spec, f"it did not start within {seconds:g} s; {said}", f"`kubectl describe pod` shows more; {_AGAIN}"
    )


def failed(spec: InstanceSpec, why: str, next: str) -> StartFailed:
    """Return the error for an instance that was not started."""
    cut = why if len(why) <= LONGEST_WHY else f"{why[: LONGEST_WHY - 1]}…"
    what = f"{spec.app} v{spec.slot}: {spec.process}.{spec.number} could not be started"
    return StartFailed(what, why=cut, next=next)


def _of_pull(spec: InstanceSpec, words: str) -> tuple[str, str]:
    host = spec.image_id.partition("/")[0]
    if _DENIED.search(words):
        return (
            f"a node may not pull its image: {words}",
            f"`pvdify registry:login {host} -u USER` with a password that is good for it, {_AGAIN}",
        )
    if _MISSING.search(words):
        return f"the registry no longer has its image: {words}", f"push the image again, {_AGAIN}"
    return (
        f"a node cannot pull its image: {words}",
        f"check whether the nodes reach {host} (pvdifyd does), {_AGAIN}",
    )


def _of_program(spec: InstanceSpec, words: str) -> tuple[str, str]:
    given = spec.command
    program = "/bin/sh" if isinstance(given, str) else (given[0] if given else "program of its ENTRYPOINT or CMD")
    if _NO_PROGRAM.search(words):
        if isinstance(given, str):
            return (
                "the image has no /bin/sh to run the command with",
                'write the command as a list in pvdify.yml, like ["/app/server", "--verbose"], then deploy again',
            )
        return (
            f"the image has no {program}, or not the interpreter that it names",
            f"correct the command in pvdify.yml or the image's ENTRYPOINT and CMD, {_AGAIN}",
        )
    if _NOT_EXECUTABLE.search(words):
        return (
            f"{program} cannot be executed: not marked executable, or made for another kind of machine",
            f"correct the image or the command in pvdify.yml, {_AGAIN}",
        )
    return words, f"correct what the runtime says, {_AGAIN}"
