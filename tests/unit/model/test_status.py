"""The status of an app and its cause."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pvdify.manifest.definition import Manifest
from pvdify.model.app import App
from pvdify.model.instance import Exit
from pvdify.model.observed_instances import STEADY, ObservedInstance, ObservedInstances
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.release import Failure, Release, ReleaseStatus
from pvdify.model.scale import Choice, Scale
from pvdify.model.slot import Phase, Placement, Slot, SlotState
from pvdify.model.status import AppFacts, NotedStatus, StatusWord, status_of
from tests.fakes.places import at

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=1)
APP = App(name="shop", created_at=BEFORE, updated_at=BEFORE)
MANIFEST = Manifest.model_validate({"processes": {"web": {"count": 2}, "worker": {}}})
RELEASE = Release(
    app="shop", version=3, image="x", config_version=1, manifest=MANIFEST, status=ReleaseStatus.ACTIVE,
    created_at=BEFORE, created_by="ann", description="",
)  # fmt: skip
SLOT = Slot(
    app="shop", number=3, colour="blue", state=SlotState.LIVE, since=BEFORE,
    placements=(
        Placement(name="w1", process="web", number=1, endpoint=at(1)),
        Placement(name="w2", process="web", number=2, endpoint=at(2)),
        Placement(name="k1", process="worker", number=1),
    ),
)  # fmt: skip
UP = ObservedInstance(is_up=True, since=BEFORE)
ENDED = ObservedInstance(is_up=False, since=NOW, exit=Exit(code=1))
CRASHING = ObservedInstance(
    is_up=False, since=NOW, exit=Exit(code=1), restarts=6, loop_since=NOW - timedelta(minutes=2)
)
MISSING = ObservedInstance(is_up=False, since=NOW, problem="its image is gone", short="image missing")
FACTS = AppFacts(app=APP, scale=Scale(app="shop"), live=RELEASE, slot=SLOT, observed={"w1": UP, "w2": UP, "k1": UP})
DEPLOY = Operation(id="x", kind=OperationKind.DEPLOY, app="shop", release=4, created_at=NOW, created_by="ann")
RESTART = replace(DEPLOY, kind=OperationKind.RESTART, release=None, started_at=NOW)
RESTARTED = replace(
    SLOT, placements=tuple(replace(it, phase=Phase.LEAVING) for it in SLOT.of("web")) + SLOT.of("worker")
)
WORKER_LEAVES = replace(SLOT, placements=tuple(replace(it, phase=Phase.LEAVING) for it in SLOT.of("worker")))
WITHOUT_HOLD = replace(RELEASE, manifest=RELEASE.manifest.model_copy(update={"hold": 0.0}))
STOPPED = Scale(app="shop", is_stopped=True, changed_by="ann", changed_at=NOW)
NO_WEB = Scale(app="shop", chosen={"web": Choice(count=0, instead_of=2)}, changed_by="ann", changed_at=NOW)
FAILED = replace(RELEASE, version=1, failure=Failure(code="image-not-found", what="it is not there"))


def seen(**observed: ObservedInstance) -> AppFacts:
    return FACTS._replace(observed={**FACTS.observed, **observed})


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (FACTS, "live"),
        (seen(w2=ENDED), "degraded (2 of 3: web.2 exit 1)"),
        (seen(w2=MISSING), "degraded (2 of 3: web.2 image missing)"),
        (seen(w2=CRASHING), "degraded (2 of 3: web.2 exit 1, 6 restarts)"),
        (seen(k1=CRASHING), "degraded (2 of 3: worker.1 exit 1, 6 restarts)"),
        (seen(w1=ENDED, w2=CRASHING), "crashing (exit 1, 6 restarts)"),
        (seen(w1=CRASHING, w2=replace(CRASHING, is_up=True)), "crashing (exit 1, 6 restarts)"),
        (seen(w1=ENDED, w2=ENDED), "down (exit 1)"),
        (seen(w1=MISSING, w2=MISSING), "down (image missing)"),
        (seen(w1=replace(ENDED, exit=Exit(code=137, is_out_of_memory=True)), w2=ENDED), "down (out of memory)"),
        (FACTS._replace(router_down_since=NOW), "down (the router does not run)"),
        (FACTS._replace(operation=DEPLOY), "deploying (v4)"),
        (seen(w1=CRASHING, w2=CRASHING)._replace(operation=DEPLOY), "deploying (v4)"),
        (FACTS._replace(operation=replace(DEPLOY, kind=OperationKind.DESTROY)), "stopped (being destroyed)"),
        (FACTS._replace(scale=STOPPED), "stopped (by ann)"),
        (FACTS._replace(scale=NO_WEB), "stopped (web=0 by ann)"),
        (seen(k1=CRASHING)._replace(scale=NO_WEB), "crashing (exit 1, 6 restarts)"),
        (seen(w1=ENDED, w2=ENDED)._replace(scale=NO_WEB, router_down_since=NOW), "stopped (web=0 by ann)"),
        (FACTS._replace(scale=NO_WEB, slot=WORKER_LEAVES), "stopped (web=0 by ann)"),
        (FACTS._replace(slot=RESTARTED, restart=RESTART), "held (restart)"),
        (FACTS._replace(slot=RESTARTED, restart=RESTART, live=WITHOUT_HOLD), "down (restart)"),
        (FACTS._replace(restart=RESTART), "live"),
        (FACTS._replace(app=replace(APP, is_in_maintenance=True, maintenance_by="ann")), "maintenance (by ann)"),
        (FACTS._replace(held_since=NOW), "held"),
        (FACTS._replace(held_since=NOW, held_until=NOW + timedelta(minutes=1)), "held (until 12:01:00 UTC)"),
        (FACTS._replace(live=None, slot=None), "new"),
        (FACTS._replace(live=None, slot=None, newest=FAILED), "new (v1 failed: image-not-found)"),
    ],
)
def test_the_status_and_its_cause(facts: AppFacts, shown: str) -> None:
    assert str(status_of(facts)) == shown


def test_a_manifest_without_any_instance_is_stopped() -> None:
    manifest = Manifest.model_validate({"processes": {"worker": {"count": 0}}})

    status = status_of(FACTS._replace(live=replace(RELEASE, manifest=manifest), slot=replace(SLOT, placements=())))

    assert (status.word, status.cause) == (StatusWord.STOPPED, "scaled to 0")


def test_an_unchanged_status_keeps_its_time_until_a_new_release() -> None:
    noted = NotedStatus(app="shop", word=StatusWord.LIVE, cause="", since=BEFORE + timedelta(minutes=1))

    assert status_of(FACTS._replace(noted=noted)).since == noted.since
    deployed = FACTS._replace(noted=noted, slot=replace(SLOT, since=NOW))
    assert status_of(deployed).since == NOW


def test_a_recorded_status_is_kept_until_instances_are_observed() -> None:
    noted = NotedStatus(app="shop", word=StatusWord.CRASHING, cause="exit 1, 6 restarts", since=NOW)

    assert str(status_of(FACTS._replace(observed={}, noted=noted))) == "crashing (exit 1, 6 restarts)"
    assert status_of(FACTS._replace(observed={}, noted=None)).word is StatusWord.LIVE


def crash(observed: ObservedInstances, at: datetime) -> bool:
    observed.seen_down("w1", at, Exit(code=1))
    is_loop = observed.restarted("w1", at, Exit(code=1))
    observed.seen_up("w1", at + timedelta(seconds=1), started_at=at + timedelta(seconds=1))
    return is_loop


def test_the_third_restart_without_a_steady_minute_is_a_crash_loop_once() -> None:
    observed, times = ObservedInstances(), [NOW + timedelta(seconds=20 * number) for number in range(6)]

    loops = [crash(observed, at) for at in times]

    assert loops == [False, False, True, False, False, False]
    (observation,) = observed.of(["w1"], times[-1] + timedelta(seconds=2)).values()
    assert (observation.is_crashing, observation.cause, observation.loop_since) == (True, "exit 1, 6 restarts", NOW)


def test_a_steady_minute_ends_a_crash_loop() -> None:
    observed = ObservedInstances()
    for number in range(4):
        crash(observed, NOW + timedelta(seconds=20 * number))
    up_since = NOW + timedelta(seconds=61)

    assert not observed.of(["w1"], up_since + STEADY - timedelta(seconds=1))["w1"].is_well
    assert observed.of(["w1"], up_since + STEADY)["w1"].is_well


def test_rare_exits_are_no_crash_loop() -> None:
    observed = ObservedInstances()

    assert [crash(observed, NOW + timedelta(minutes=5 * number)) for number in range(6)] == [False] * 6


def test_a_failure_reason_is_new_once_and_cleared_when_the_instance_runs() -> None:
    observed = ObservedInstances()

    news = [observed.refused("w1", NOW, problem, "short") for problem in ("a", "a", "b", "b", "a")]

    assert news == [True, False, True, False, True]
    observed.seen_up("w1", NOW)
    assert observed.of(["w1"], NOW)["w1"].problem == ""


def test_an_exit_recorded_by_a_restart_outweighs_a_later_observation() -> None:
    observed = ObservedInstances()
    observed.restarted("w1", NOW, Exit(code=7))

    observed.seen_down("w1", NOW, Exit(code=137))

    assert observed.of(["w1"], NOW)["w1"].cause == "exit 7, 1 restart"
