"""Whose containers are seen: this server's, and of those the ones made with this database."""

import json
from pathlib import Path

from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.labels import Identity
from pvdify.model.database import DatabaseIdentity
from pvdify.model.instance import Role
from pvdify.plumbing.command_runner import Argv, Completed
from tests.support.endpoints import here

OURS = DatabaseIdentity(id="0123456789abcdef")
APART = DatabaseIdentity(id="0123456789abcdef", is_apart=True)


def container(name: str, server: str, database: str) -> dict[str, object]:
    identity = Identity(
        server=server, name=name, app="shop", process="web", slot=1, number=1, role=Role.INSTANCE, operation="",
        endpoint=here(3001)[0], database=database,
    )  # fmt: skip
    return {"Id": name, "Labels": identity.labels(), "State": "running", "Pid": 1, "StartedAt": 1}


class Printed:
    """podman, which prints these containers."""

    async def run(self, argv: Argv, **_: object) -> Completed:
        found = [
            container("ours", "abc", OURS.id), container("earlier", "abc", ""), container("lost", "abc", "f" * 16),
            container("other", "xyz", OURS.id),
        ]  # fmt: skip
        return Completed(argv=argv, exit_code=0, stdout=json.dumps(found), stderr="")


async def seen(database: DatabaseIdentity) -> list[str]:
    calls = Calls(
        runner=Printed(), server_id="abc", launcher_dir=Path("/l"), binary="podman", database=database  # type: ignore[arg-type]
    )  # fmt: skip
    return [each.id for each in await calls.list()]


async def test_another_databases_containers_are_not_seen_and_those_of_before_the_label_are():
    assert await seen(OURS) == ["ours", "earlier"]


async def test_a_database_that_was_begun_beside_others_sees_only_what_it_made():
    assert await seen(APART) == ["ours"]


class Noting:
    """A runner that notes what it runs."""

    def __init__(self) -> None:
        self.ran: list[Argv] = []

    async def run(self, argv: Argv, **_: object) -> Completed:
        self.ran.append(argv)
        return Completed(argv=argv, exit_code=0, stdout="", stderr="")


async def test_in_a_unit_podman_starts_containers_in_a_scope_of_their_own():
    for is_in_unit, before in ((False, ()), (True, ("systemd-run", "--quiet", "--scope", "--"))):
        runner = Noting()
        calls = Calls(
            runner=runner, server_id="abc", launcher_dir=Path("/l"), binary="podman", is_in_unit=is_in_unit  # type: ignore[arg-type]
        )  # fmt: skip

        await calls.run_apart(("podman", "run"), Path("/run/i"))
        await calls.run(("podman", "ps"))

        assert runner.ran == [(*before, "podman", "run"), ("podman", "ps")]
