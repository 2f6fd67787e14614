import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from pvdify.adapters.podman import parse
from pvdify.adapters.podman.images.images import image_in
from pvdify.adapters.podman.labels import Identity
from pvdify.errors import NotAnImage
from pvdify.model.instance import InstanceState, Role
from tests.support.endpoints import here

IDENTITY = Identity(
    server="abc",
    name="pvdify-shop-web-v42-1",
    app="shop",
    process="web",
    slot=42,
    number=1,
    role=Role.INSTANCE,
    operation="op7",
    endpoint=here(3001)[0],
)


def ps(state: str, **parts) -> str:
    document = {
        "Id": "c1",
        "Labels": IDENTITY.labels(),
        "State": state,
        "Pid": 7,
        "ExitCode": 3,
        "StartedAt": 1700000000,
    }
    return json.dumps([document | parts])


@pytest.mark.parametrize(
    ("word", "started", "state", "code"),
    [
        ("running", 1700000000, InstanceState.RUNNING, None),
        ("paused", 1700000000, InstanceState.RUNNING, None),
        ("stopping", 1700000000, InstanceState.RUNNING, None),
        ("exited", 1700000000, InstanceState.EXITED, 3),
        ("stopped", 1700000000, InstanceState.EXITED, 3),
        ("created", -62135596800, InstanceState.CREATED, None),
        ("configured", -62135596800, InstanceState.CREATED, None),
        ("created", 1700000000, InstanceState.EXITED, 137),  # ran when the power went
    ],
)
def test_states_of_podman_are_mapped(word, started, state, code):
    (found,) = parse.listed(ps(word, StartedAt=started))

    assert (found.state, found.exit_code) == (state, code)
    assert found.started_at == (datetime.fromtimestamp(started, UTC) if started > 0 else None)


def test_labels_survive_the_round_trip():
    (found,) = parse.listed(ps("running"))

    assert (found.id, found.pid, found.identity) == ("c1", 7, IDENTITY)


def test_containers_of_other_programs_are_not_listed():
    assert parse.listed(ps("running", Labels={"maintainer": "me"})) == ()
    assert parse.listed(ps("running", Labels=None)) == ()
    assert parse.listed(ps("running", Labels=IDENTITY.labels() | {"io.pvdify.slot": "x"})) == ()
    assert parse.listed("") == ()


def state(**parts) -> str:
    usual = {"Status": "running", "Pid": 7, "ConmonPid": 6, "ExitCode": 0, "OOMKilled": False}
    return json.dumps([{"State": usual | {"StartedAt": "2026-11-23T11:55:42.4Z"} | parts}])


def test_an_inspected_container_reports_its_processes_and_its_end():
    running = parse.inspected(state())
    ended = parse.inspected(state(Status="exited", ExitCode=137, OOMKilled=True, Pid=0))
    lost = parse.inspected(state(Status="created", Pid=0, ConmonPid=0))
    fresh = parse.inspected(state(Status="created", StartedAt="0001-01-01T00:00:00Z"))

    assert (running.state, running.pid, running.conmon_pid) == (InstanceState.RUNNING, 7, 6)
    assert (ended.state, ended.exit_code, ended.is_out_of_memory) == (InstanceState.EXITED, 137, True)
    assert (lost.state, lost.exit_code) == (InstanceState.EXITED, 137)
    assert fresh.state is InstanceState.CREATED


def test_an_image_reports_the_properties_that_a_deploy_needs():
    config = {"ExposedPorts": {"8080/tcp": {}, "53/udp": {}, "80": {}}, "Entrypoint": ["/app"], "Cmd": None}
    document = {"Id": "sha256:f00d", "Digest": "sha256:1", "Size": 5, "Config": config}

    image = parse.local_image(json.dumps([document]))
    asked = parse.local_image(json.dumps([document]), digest="sha256:2")
    bare = parse.local_image(json.dumps([{"Id": "f00d"}]))

    assert (image.image_id, image.digest, image.size) == ("f00d", "sha256:1", 5)
    assert (image.exposed_ports, image.entrypoint, image.command) == ((80, 8080), ("/app",), ())
    assert asked.digest == "sha256:2"
    assert bare.exposed_ports == ()


def test_an_image_is_listed_once_with_all_its_names():
    image = {"Id": "f00d", "Names": ["localhost/a:v1", "r/b@sha256:1"]}

    assert parse.named_images(json.dumps([image, image, {"Id": "beef", "Names": None}])) == (
        parse.NamedImage(id="f00d", names=("localhost/a:v1", "r/b@sha256:1")),
        parse.NamedImage(id="beef", names=()),
    )


def test_malformed_listings_are_an_error():
    with pytest.raises(ValueError, match="expected a list"):
        parse.listed("{}")


def test_the_size_of_an_image_is_that_of_its_layers_and_its_config():
    text = json.dumps({"config": {"size": 10}, "layers": [{"size": 700}, {"size": 50}]})

    assert parse.manifest(text, machine="x86_64") == (760, None)


def test_a_manifest_list_is_resolved_to_this_machines_platform():
    entries = [("amd64", "sha256:aa"), ("arm64", "sha256:bb"), ("unknown", "sha256:cc")]
    platforms = [{"digest": digest, "platform": {"os": "linux", "architecture": name}} for name, digest in entries]
    text = json.dumps({"manifests": platforms})

    assert parse.manifest(text, machine="aarch64") == (None, "sha256:bb")
    assert parse.manifest(text, machine="riscv64") == (None, None)


@pytest.mark.parametrize("text", ["", "[]", '{"layers": [{}]}', '{"schemaVersion": 1, "fsLayers": []}'])
def test_the_size_of_an_unknown_manifest_format_is_none(text: str):
    assert parse.manifest(text, machine="x86_64") == (None, None)


@pytest.mark.parametrize(
    ("names", "ports"),
    [
        (["8080/tcp"], (8080,)),
        (["8000-8002/tcp"], (8000, 8001, 8002)),
        (["8080", "53/udp", "443/TCP"], (443, 8080)),
        (["x/tcp", "", "-", "1-", "70000/tcp", "-5/tcp"], (1,)),
        (["1-999999999999/sctp"], ()),
    ],
)
def test_exposed_ports_are_read_as_images_have_them(names: list[str], ports: tuple[int, ...]) -> None:
    assert parse.exposed_ports(names) == ports


def test_the_cost_of_many_ranges_of_ports_is_not_the_sum_of_each() -> None:
    names = [f"{first}-65535/tcp" for first in range(1, 5000)]

    begun = time.process_time()
    assert parse.exposed_ports(names[:1]) == tuple(range(1, 65536))
    one = time.process_time() - begun
    ports = parse.exposed_ports(names)
    all_of_them = time.process_time() - begun - one

    assert ports == tuple(range(1, 65536))
    assert all_of_them < len(names) / 20 * one  # when each was expanded, 5,000 cost 1,000 times as much as one


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"Volumes": {f"/data-{number}": {} for number in range(51)}}, "it declares 51 volumes, and 50 are the most"),
        ({"Labels": {"x": "y" * 300_000}}, "it has more than 262144 bytes"),
        ({"Labels": {f"{number}": "" for number in range(60_000)}}, "it has more than "),
    ],
)
async def test_an_image_with_an_oversized_config_is_refused(config: dict[str, Any], why: str) -> None:
    text = json.dumps([{"Id": "f00d", "Config": config}])

    with pytest.raises(NotAnImage) as refused:
        await image_in("ghcr.io/org/shop@sha256:1", text)

    assert why in refused.value.why


def test_an_image_with_an_odd_config_is_read() -> None:
    config = {"Cmd": "run", "Entrypoint": None, "ExposedPorts": None}

    image = parse.local_image(json.dumps([{"Id": "f00d", "Architecture": "arm64", "Config": config}]))

    assert (image.command, image.entrypoint, image.exposed_ports, image.architecture) == (("run",), (), (), "arm64")


@pytest.mark.parametrize(
    ("image", "machine", "runs"),
    [("amd64", "amd64", True), ("arm64", "amd64", False), ("386", "amd64", True), ("", "amd64", True)],
)
def test_an_image_runs_on_its_own_kind_of_machine(image: str, machine: str, runs: bool) -> None:
    assert parse.runs_on(image, machine) is runs
