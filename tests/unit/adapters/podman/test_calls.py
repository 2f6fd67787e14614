"""Which containers are listed: those of this server that were made with this database."""

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
    """A podman that prints these containers."""

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


async def test_containers_of_another_database_are_ignored_and_unlabelled_ones_are_not():
    assert await seen(OURS) == ["ours", "earlier"]


async def test_a_database_started_beside_others_sees_only_its_own_containers():
    assert await seen(APART) == ["ours"]


class Noting:
    """A runner that records what it runs."""

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
