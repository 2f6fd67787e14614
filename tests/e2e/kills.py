"""Deploys during which pvdifyd kills itself, and what has to be true after each recovery."""

import contextlib
import sys
import time

from tests.e2e.trial import Trial
from tests.support.waiting import wait_until

MOMENTS = range(1, 19)  # a deploy writes nine times, with a moment before and one after each
RECOVERS_WITHIN = 60.0  # seconds, so that a busy machine is in time, too


def deploy_and_kill(trial: Trial, image: str, moment: int) -> bool:
    """Deploy; return whether the daemon was killed at the moment. It has ended in any case."""
    trial.start(sys.executable, "-m", "tests.e2e.killing_pvdifyd", str(moment))
    with contextlib.suppress(OSError):
        trial.ask("POST", "/apps/hello/releases", {"image": image})
    wait_until(lambda: trial.wait_dead(0.1) or has_settled(trial))
    died = trial.wait_dead(6)  # what follows a deploy is written, too
    if not died:
        trial.kill()
    return died


def has_settled(trial: Trial) -> bool:
    with contextlib.suppress(OSError):  # it may be dying
        return trial.is_idle()
    return False


def recover(trial: Trial, moment: int) -> None:
    """Start pvdifyd again, judge what it makes of the deploy, and stop it.

    The tag of the newest release's image is what the app says of itself in X-Version.
    """
    begun = time.monotonic()
    trial.start()
    newest = trial.settle("hello")
    assert time.monotonic() - begun < RECOVERS_WITHIN, moment
    assert newest["status"] == "active", (moment, newest)
    releases = trial.ask("GET", "/apps/hello/releases?limit=3")[1]["releases"]
    assert [release["status"] for release in releases].count("active") == 1, moment
    assert trial.get("hello")[1] == newest["image"].rpartition(":")[2], moment
    while orphans := set(trial.containers()) - set(known := instances(trial)):
        assert time.monotonic() - begun < RECOVERS_WITHIN, (moment, orphans)
    assert list(known.values()).count("live") == 1, moment
    trial.stop()


def instances(trial: Trial) -> dict[str, str]:
    """Name -> slot state of every instance that the server knows of."""
    processes = trial.ask("GET", "/apps/hello/processes")[1]["processes"]
    return {instance["name"]: instance["slot"] for process in processes for instance in process["instances"]}
