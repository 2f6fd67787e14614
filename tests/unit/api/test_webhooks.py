"""/webhooks/github: which deliveries are accepted, ignored and refused."""

import json
from typing import Any

import pytest

from pvdify.model.token import Actor, Role
from pvdify.model.webhook import signature_of
from tests.fakes.machine import WEBHOOK_SECRET
from tests.fakes.router import API_KEY
from tests.support.asgi import Answer, ask
from tests.unit.api.conftest import IMAGE, Api

OPENED, CLOSED, LATER = "2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z", "2026-01-01T14:00:00Z"


def pull_request(action: str, updated_at: str, *, repository: str = "org/shop", number: int = 12) -> dict[str, Any]:
    state = "closed" if action == "closed" else "open"
    return {
        "action": action,
        "number": number,
        "pull_request": {
            "state": state,
            "merged": state == "closed",
            "updated_at": updated_at,
            "closed_at": updated_at if state == "closed" else None,
        },
        "repository": {"id": 1, "full_name": repository},
    }


async def send(
    api: Api, body: Any, *, event: str = "pull_request", id: str = "1", address: str | None = None, **headers: str
) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {
        "x-github-event": event,
        "x-github-delivery": id,
        "x-hub-signature-256": signature_of(WEBHOOK_SECRET, content),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return await ask(api.application, "POST", "/api/v1/webhooks/github", content, headers=named, client=address)


@pytest.fixture
async def preview(api: Api) -> Api:
    wanted = {"image": IMAGE, "repository": "org/shop", "as_of": OPENED}
    await api("PUT", "/apps/shop/previews/12", wanted)
    await api.daemon.finish("shop-pr-12", 1)
    return api


async def status_of(api: Api) -> str:
    return str((await api("GET", "/apps/shop/previews/12")).json["status"])


async def test_a_preview_is_closed_kept_and_renewed_as_its_pull_request_is(preview: Api):
    closed = await send(preview, pull_request("closed", CLOSED))

    assert (closed.status, closed.json) == (202, {"outcome": "heard", "previews": ["shop-pr-12"]})
    assert await status_of(preview) == "closed"
    await send(preview, pull_request("reopened", LATER), id="2")
    assert await status_of(preview) == "open"
    events = (await preview("GET", "/events?app=shop-pr-12")).json["events"]
    assert [(it["action"], it["actor"]) for it in events][:2] == [
        ("preview.reopened", "github"),
        ("preview.closed", "github"),
    ]


async def test_a_late_webhook_changes_nothing(preview: Api):
    await send(preview, pull_request("reopened", LATER), id="2")

    await send(preview, pull_request("closed", CLOSED), id="1")

    assert await status_of(preview) == "open"


async def test_a_repeated_delivery_is_ignored_also_under_another_id(preview: Api):
    closing = pull_request("closed", CLOSED)
    await send(preview, closing)

    assert (await send(preview, closing)).json == {"outcome": "replayed", "previews": []}
    assert (await send(preview, closing, id="another")).json["outcome"] == "replayed"
    assert (await send(preview, pull_request("closed", LATER))).json["outcome"] == "replayed"


async def test_a_failed_delivery_may_be_repeated(preview: Api):
    before = preview.daemon.previews.note_pull_request

    async def broken(*_: object) -> None:
        raise OSError("the disk is full")

    preview.daemon.previews.note_pull_request = broken  # type: ignore[method-assign, assignment] - a disk that fails just then
    with pytest.raises(OSError, match="full"):
        await send(preview, pull_request("closed", CLOSED))
    preview.daemon.previews.note_pull_request = before  # type: ignore[method-assign]

    assert (await send(preview, pull_request("closed", CLOSED))).json["outcome"] == "heard"


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("ping", {"zen": "Keep it logically awesome."}),
        ("push", {"ref": "refs/heads/main"}),
        ("something_new", {}),
        ("", {}),
        ("pull_request", pull_request("closed", CLOSED, number=13)),
        ("pull_request", pull_request("closed", CLOSED, repository="org/shop2")),
    ],
)
async def test_webhooks_about_other_events_and_repositories_are_accepted_and_ignored(
    preview: Api, event: str, body: Any
):
    answer = await send(preview, body, event=event)

    assert (answer.status, answer.json["outcome"]) == (202, "ignored")
    assert await status_of(preview) == "open"


async def test_repository_names_are_compared_without_case(preview: Api):
    await send(preview, pull_request("closed", CLOSED, repository="Org/Shop"))

    assert await status_of(preview) == "closed"


async def test_webhooks_without_a_valid_signature_are_refused(preview: Api):
    closing = pull_request("closed", CLOSED)
    for signature in ("", "sha256=" + "0" * 64, signature_of("another secret", json.dumps(closing).encode())):
        answer = await send(preview, closing, x_hub_signature_256=signature)

        assert (answer.status, answer.json["code"]) == (401, "webhook-not-signed")
    assert await status_of(preview) == "open"


@pytest.mark.parametrize(
    "body",
    [
        b"payload=%7B%7D", b"[]", b"", {}, {**pull_request("closed", CLOSED), "pull_request": {"state": "odd"}},
        {**pull_request("closed", CLOSED), "number": "many"}, {**pull_request("closed", CLOSED), "repository": None},
    ],
)  # fmt: skip
async def test_a_signed_webhook_with_an_invalid_body_is_malformed(preview: Api, body: Any):
    answer = await send(preview, body)

    assert (answer.status, answer.json["code"]) == (400, "malformed-request")


async def test_a_webhook_without_a_delivery_id_is_malformed(preview: Api):
    for id in ("", "x" * 129):
        assert (await send(preview, pull_request("closed", CLOSED), id=id)).status == 400


async def test_an_oversized_webhook_is_refused_unread(preview: Api):
    announced = await send(preview, b"{}", content_length=str(1024 * 1024 + 1))
    real = await send(preview, b"x" * (1024 * 1024 + 1))

    assert (announced.status, announced.json["code"]) == (413, "request-too-large")
    assert real.status == 413


async def test_invalid_signatures_are_rate_limited_and_valid_ones_are_not(preview: Api):
    closing = pull_request("closed", CLOSED)
    guesser, github = (
        {"x_pvdify_router": API_KEY, "x_forwarded_for": address} for address in ("192.0.2.66", "140.82.112.1")
    )
    for _ in range(20):
        guess = await send(preview, closing, address="127.0.0.1", x_hub_signature_256="sha256=0", **guesser)
        assert guess.status == 401

    refused = await send(preview, closing, address="127.0.0.1", x_hub_signature_256="sha256=0", **guesser)

    assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (429, "too-many-requests", "5")
    assert (await send(preview, closing, address="127.0.0.1", **github)).status == 202
    preview.machine.clock.jump(5)
    assert (await send(preview, closing, address="127.0.0.1", **guesser)).status == 202


async def test_signed_webhooks_are_rate_limited(preview: Api):
    statuses = [(await send(preview, {}, event="push", id=str(number))).status for number in range(302)]

    assert statuses == [202] * 300 + [429] * 2


async def test_forwarded_headers_are_ignored_without_a_trusted_proxy(preview: Api):
    for number in range(21):
        answer = await send(
            preview, {}, address="192.0.2.66", x_hub_signature_256="sha256=0", cf_connecting_ip=f"192.0.2.{number}"
        )

    assert answer.status == 429


async def test_a_token_does_not_replace_a_signature(preview: Api):
    token = (await preview.daemon.tokens.create("t", Role.ADMIN, None, None, Actor(name="a", role=Role.ADMIN)))[1]

    answer = await send(preview, {}, x_hub_signature_256="", authorization=f"Bearer {token}")

    assert answer.status == 401
