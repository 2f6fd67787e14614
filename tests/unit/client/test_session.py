import json
import re
import socket

import pytest

from pvdify.client.api import Client
from pvdify.client.endpoint import parse_url
from pvdify.client.session import LONG, SHORT, Session
from pvdify.client.target import Target
from pvdify.errors import AppNotFound, InternalError, NotSignedIn, OutcomeUnknown, ServerUnreachable
from pvdify.wire.requests import ConnectService, CreateToken, Deploy, ExecCommand, RunCommand
from tests.fakes.api import FakeApi, Fault
from tests.unit.client.conftest import client_of

DEPLOY = Deploy(image="ghcr.io/org/app:v1")


def test_the_token_is_sent_with_every_question(client: Client, api: FakeApi) -> None:
    assert client.whoami().name == "admin"
    assert api.asked[0].headers["authorization"] == "Bearer pvd_admin"
    assert re.fullmatch(r"pvdify/[\d.]+", api.asked[0].headers["user-agent"])


def test_the_unix_socket_needs_no_token(socket_api: FakeApi) -> None:
    assert client_of(socket_api, [], token=None).whoami().role == "admin"
    assert "authorization" not in socket_api.asked[0].headers


def test_a_problem_is_raised_as_the_error_it_stands_for(client: Client, api: FakeApi) -> None:
    with pytest.raises(AppNotFound) as caught:
        client.app("myapp")
    assert caught.value.next == "pvdify apps"

    with pytest.raises(NotSignedIn):
        client_of(api, [], token=None).whoami()


def test_a_deploy_with_a_lost_answer_is_retried_with_the_same_idempotency_key(
    client: Client, api: FakeApi, pauses: list[float]
) -> None:
    api.faults.extend([Fault(lose="after"), Fault(lose="before"), Fault(status=502)])

    release = client.deploy("myapp", DEPLOY)

    assert (release.version, len(api.releases["myapp"])) == (1, 1)
    assert len({asked.headers["idempotency-key"] for asked in api.asked}) == 1
    assert pauses == list(LONG[:3])


def test_a_deploy_with_an_unknown_outcome_says_how_to_find_out(
    client: Client, api: FakeApi, pauses: list[float]
) -> None:
    api.faults.extend([Fault(lose="after")] * 9)

    with pytest.raises(OutcomeUnknown) as caught:
        client.deploy("myapp", DEPLOY, key="k1")

    assert "pvdify releases myapp" in caught.value.next
    assert pauses == list(LONG)
    assert {asked.headers["idempotency-key"] for asked in api.asked} == {"k1"}


def test_two_deploys_have_two_keys(client: Client, api: FakeApi) -> None:
    assert [client.deploy("myapp", DEPLOY).version for _ in range(2)] == [1, 2]


def test_a_change_without_an_idempotency_key_is_never_retried(
    client: Client, api: FakeApi, pauses: list[float]
) -> None:
    api.add_app("myapp")
    api.faults.extend([Fault(lose="after")] * 2)

    with pytest.raises(OutcomeUnknown) as caught:
        client.change_config("myapp", {"A": "1"})
    with pytest.raises(OutcomeUnknown):
        client.create_token(CreateToken(name="ci"))

    assert "pvdify config:history myapp" in caught.value.next
    assert (len(api.asked), pauses) == (2, [])


def test_reads_are_retried(client: Client, api: FakeApi, pauses: list[float]) -> None:
    api.faults.extend([Fault(lose="before"), Fault(status=503, content_type="application/json", content=b"{}")])

    assert client.apps() == []
    assert pauses == list(SHORT)


def test_an_unreachable_server_is_retried_briefly(pauses: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        client = Client(Session(Target(endpoint=parse_url(url)), sleep=pauses.append))

        with pytest.raises(ServerUnreachable) as caught:
            client.deploy("myapp", DEPLOY)

    assert (caught.value.what, caught.value.why) == (f"the server at {url} cannot be reached", "connection refused")
    assert pauses == list(SHORT)


def test_a_missing_socket_is_reported(pauses: list[float]) -> None:
    client = Client(Session(Target(endpoint=parse_url("unix:///nonexistent/s.sock")), sleep=pauses.append))

    with pytest.raises(ServerUnreachable) as caught:
        client.whoami()

    assert caught.value.why == "no such file or directory"


def test_the_routers_503_for_pvdifyd_is_retried(client: Client, api: FakeApi) -> None:
    away = b'{"code": "server-unreachable", "detail": "pvdifyd does not answer"}'
    api.faults.append(Fault(status=503, content=away, content_type="application/problem+json"))

    assert client.whoami().name == "admin"


def test_a_tunnel_that_is_down_means_no_request_was_sent(client: Client, api: FakeApi) -> None:
    api.faults.extend([Fault(status=530)] * 3)

    with pytest.raises(ServerUnreachable) as caught:
        client.deploy("myapp", DEPLOY)

    assert caught.value.why == "the proxy in front of it answered 530"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(status=200, content=b"<html>"), "it answered 200 with text/html"),
        (Fault(status=404, content=b"<html>"), "it answered 404 with text/html"),
        (Fault(status=301, headers={"Location": "https://x/"}), "it answered 301 with a redirect to https://x/"),
    ],
)
def test_an_answer_of_another_server_is_distinguished_from_pvdify(
    client: Client, api: FakeApi, fault: Fault, why: str
) -> None:
    api.faults.append(fault)

    with pytest.raises(ServerUnreachable) as caught:
        client.whoami()

    assert caught.value.why == why


def test_an_answer_of_another_shape_names_both_versions(client: Client, api: FakeApi) -> None:
    content = json.dumps({"name": "admin", "role": 1}).encode()
    api.faults.append(Fault(status=200, content=content, content_type="application/json"))

    with pytest.raises(InternalError) as caught:
        client.whoami()

    assert caught.value.why == "Identity.role is a int"
    assert "pvdify --version" in caught.value.next


def test_a_crash_without_a_problem_document_is_an_internal_error(client: Client, api: FakeApi) -> None:
    api.faults.append(Fault(status=500, content=b"Internal Server Error", content_type="text/plain"))

    with pytest.raises(InternalError):
        client.whoami()


def test_names_are_quoted_in_the_path(client: Client, api: FakeApi) -> None:
    with pytest.raises(AppNotFound):
        client.app("../tokens?x=")

    assert api.asked[0].path == "/api/v1/apps/..%2Ftokens%3Fx%3D"


@pytest.mark.parametrize("call", ["run", "exec", "connect_service"])
def test_a_command_is_never_started_twice(client: Client, api: FakeApi, call: str) -> None:
    api.faults.append(Fault(lose="before"))
    wanted = {"run": RunCommand, "exec": ExecCommand, "connect_service": ConnectService}[call]

    with pytest.raises(OutcomeUnknown):
        getattr(client, call)("db", wanted(command=["true"]))

    assert len(api.asked) == 1
