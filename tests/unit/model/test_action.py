"""The table of events."""

import re
from pathlib import Path

import pytest

from pvdify.engine.notifying import github_reports, posthog
from pvdify.model.action import GROUPS, Action, problem_with_kind, problem_with_pattern
from pvdify.model.job import RunState
from pvdify.model.operation import OperationKind, OperationState
from pvdify.model.release import ReleaseStatus
from pvdify.model.status import StatusWord

SOURCE = Path(__file__).parents[3] / "src/pvdify"
PROCESS_KINDS = [kind for kind in OperationKind if kind.is_about_processes]


def test_every_outcome_has_an_event():
    releases = {f"{kind}.{word}" for kind in ("deploy", "rollback") for word in ("requested", "live")}
    ended = {it.value for it in ReleaseStatus if it.is_settled} - {"active"}
    releases |= {f"{kind}.{word}" for kind in ("deploy", "rollback") for word in ended}
    settled = {it.value for it in OperationState if it.is_settled}
    processes = {
        f"{kind.value}.{word}" for kind in PROCESS_KINDS for word in {"requested", "needs-attention"} | settled
    }
    jobs = {f"job.{it.value}" for it in RunState if it.is_over}
    apps = {f"app.{it.value}" for it in StatusWord if it not in (StatusWord.NEW, StatusWord.DEPLOYING)}

    assert releases | processes | jobs | apps <= set(Action)


def test_every_event_is_emitted_somewhere():
    source = "\n".join(file.read_text() for file in SOURCE.rglob("*.py") if file.name != "action.py")
    made = {f"Action.{it.name}" for it in Action} - set(re.findall(r"Action\.[A-Z_]+", source))
    by_outcome = ("APP_", "DEPLOY_", "ROLLBACK_", "SCALE_", "RESTART_", "JOB_")

    assert [name for name in made if not name.removeprefix("Action.").startswith(by_outcome)] == []


def test_an_unknown_event_name_is_refused():
    with pytest.raises(ValueError, match=r"deploy\.lvie"):
        Action("deploy.lvie")


def test_a_stored_event_of_another_version_can_be_read():
    action = Action.of_record("deploy.teleported")

    assert (action, action.group, action.is_bad) == ("deploy.teleported", "deploy", False)
    assert action.headline.format(app="shop", action=action) == "shop: deploy.teleported"


@pytest.mark.parametrize("pattern", ["*", "deploy.*", "secrets.*", "scale.*", *Action])
def test_known_event_patterns_are_accepted(pattern: str):
    assert problem_with_pattern(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "nearest"),
    [("deploy.lvie", "deploy.live"), ("deploys.*", "deploy.*"), ("job.fialed", "job.failed"), ("deploy*", "deploy.*")],
)
def test_a_misspelled_pattern_gets_the_nearest_name(pattern: str, nearest: str):
    assert problem_with_pattern(pattern) == f'did you mean "{nearest}"?'


def test_an_unrecognisable_pattern_gets_the_list_of_groups():
    assert problem_with_pattern("zzz") == f"there are events of {', '.join(sorted(GROUPS))}"


@pytest.mark.parametrize(("kind", "why"), [("deploy", ""), ("deploy.live", ""), ("dploy", 'did you mean "deploy"?')])
def test_event_kinds(kind: str, why: str):
    assert problem_with_kind(kind) == why


@pytest.mark.parametrize("pattern", [*github_reports.TOLD, *posthog.TOLD, *posthog.ANNOTATED])
def test_events_that_pvdify_subscribes_to_exist(pattern: str):
    assert problem_with_pattern(pattern) == ""
