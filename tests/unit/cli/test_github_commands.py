"""``pvdify github``, ``github:link`` and ``github:unlink``."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_a_repository_is_linked_listed_and_unlinked(pvdify: Pvdify, api: FakeApi) -> None:
    linked = pvdify("github:link", "myapp", "org/myapp", "--environment", "production", "--previews")

    assert linked == Ran(
        stdout="org/myapp (id 74) may deploy myapp from the branch main, in the environment production, "
        "on push, workflow_dispatch, schedule, release, and make previews of its pull requests\n",
        stderr="a workflow needs `permissions: id-token: write` and PVDIFY_URL, and no PVDIFY_TOKEN\n"
        "to take it back: pvdify github:unlink myapp org/myapp\n",
    )
    listed = pvdify("github", "myapp").stdout.splitlines()
    assert listed[0].split() == ["REPOSITORY", "ID", "BRANCH", "ENVIRONMENT", "EVENTS", "WORKFLOW",
                                 "PREVIEWS", "LINKED", "BY"]  # fmt: skip
    events = "push,workflow_dispatch,schedule,release"
    assert listed[1].split()[:7] == ["org/myapp", "74", "main", "production", events, "any", "yes"]
    gone = pvdify("github:unlink", "myapp", "org/myapp")
    assert gone.stdout == "org/myapp may no longer deploy myapp\n"
    assert api.links == {}


def test_numeric_ids_can_be_given(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify("github:link", "myapp", "org/private", "--repository-id", "80", "--owner-id", "9", "--branch", "live")

    assert api.asked[0].body == {
        "repository": "org/private", "branch": "live", "previews": False, "repository_id": 80, "owner_id": 9,
    }  # fmt: skip


def test_one_numeric_id_alone_is_refused(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("github:link", "myapp", "org/private", "--repository-id", "80")

    assert (ran.code, api.asked) == (2, [])
    assert "--repository-id and --owner-id go together" in ran.stderr


def test_unlinking_an_unlinked_repository_is_not_found(pvdify: Pvdify) -> None:
    ran = pvdify("github:unlink", "myapp", "org/myapp")

    assert ran.code == 4
    assert ran.stderr.startswith("error: link-not-found\n")


def test_without_links_the_next_command_is_named(pvdify: Pvdify) -> None:
    said = "myapp is linked to no repository; to link one: pvdify github:link myapp OWNER/REPO\n"

    assert pvdify("github", "myapp") == Ran(stderr=said)


def test_github_commands_print_json(pvdify: Pvdify) -> None:
    linked = json.loads(pvdify("github:link", "myapp", "org/myapp", "--json").stdout)
    listed = json.loads(pvdify("github", "myapp", "--json").stdout)
    unlinked = json.loads(pvdify("github:unlink", "myapp", "org/myapp", "--json").stdout)

    assert listed == {"links": [linked]}
    assert unlinked == {"app": "myapp", "repository": "org/myapp", "status": "unlinked"}


def test_events_and_the_workflow_can_be_given(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify(
        "github:link", "myapp", "org/myapp", "--event", "push", "--event", "workflow_run", "--workflow", "deploy.yml"
    )

    assert api.asked[0].body["events"] == ["push", "workflow_run"]
    assert ran.stdout.endswith(", on push, workflow_run, by deploy.yml\n")
