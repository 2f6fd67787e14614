"""Content of images, read from registries without storing it."""

from pathlib import Path

import pytest

from pvdify.adapters.podman.images.local_hosts import HostGate
from pvdify.adapters.podman.images.registry_api import RegistryApi
from pvdify.adapters.podman.images.registry_content import HttpRegistryContent
from pvdify.adapters.podman.images.registry_logins import AuthFile
from pvdify.errors import ImageNotFound, RegistryDenied, RegistryUnavailable
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import Secret
from pvdify.model.registry import RegistryLogin
from pvdify.plumbing.web import WebAnswer
from tests.fakes.clock import FakeClock
from tests.unit.adapters.podman.test_registry_api import Answering, answer

REGISTRY = "https://reg.example.com/v2"
REFERENCE = parse_image_reference("reg.example.com/org/shop:v1")
BLOB = f"sha256:{'b' * 64}"
BASIC = "Basic b2N0b2NhdDpwdw=="  # octocat:pw


def content(
    tmp_path: Path, *answers: tuple[str, str, WebAnswer], clock: FakeClock | None = None
) -> HttpRegistryContent:
    return HttpRegistryContent(
        api=RegistryApi(Answering(*answers)), auth_file=AuthFile(tmp_path / "auth.json"), gate=HostGate(),
        clock=clock or FakeClock(),
    )  # fmt: skip


def login(clock: FakeClock) -> RegistryLogin:
    return RegistryLogin(
        host="reg.example.com", username="octocat", password=Secret("pw"), created_at=clock.now(), created_by="test"
    )


async def test_a_blob_is_read_from_where_the_registry_stores_it_without_the_login(tmp_path: Path):
    clock = FakeClock()
    AuthFile(tmp_path / "auth.json").write([login(clock)])
    asks = answer(401, www_authenticate="Basic realm=x")
    moved = answer(307, location="https://cdn.example.com/blob")
    reader = content(
        tmp_path, (f"{REGISTRY}/org/shop/blobs/", "", asks), (f"{REGISTRY}/org/shop/blobs/", BASIC, moved),
        ("https://cdn.example.com/blob", "", answer(200, {"architecture": "amd64"})),
    )  # fmt: skip

    assert await reader.blob(REFERENCE, BLOB, None) == b'{"architecture": "amd64"}'


async def test_a_redirect_to_plain_http_is_not_followed(tmp_path: Path):
    moved = answer(307, location="http://cdn.example.com/blob")
    reader = content(
        tmp_path, (f"{REGISTRY}/org/shop/blobs/", "", moved), ("http://cdn.example.com/blob", "", answer(200, {"a": 1}))
    )

    with pytest.raises(RegistryUnavailable):
        await reader.blob(REFERENCE, BLOB, None)


async def test_a_tag_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(ImageNotFound, match="org/shop:v1 does not exist"):
        await content(tmp_path, (REGISTRY, "", answer(404))).manifest(REFERENCE, None)


async def test_a_busy_registry_is_retried_after_its_retry_after(tmp_path: Path):
    clock = FakeClock()
    begun = clock.monotonic()

    with pytest.raises(RegistryUnavailable):
        await content(tmp_path, (REGISTRY, "", answer(503, retry_after="7")), clock=clock).manifest(REFERENCE, None)

    assert clock.monotonic() - begun == 14


async def test_a_password_is_tried_at_the_registry(tmp_path: Path):
    clock = FakeClock()
    asks = answer(401, www_authenticate="Basic realm=x")

    await content(tmp_path, (REGISTRY, "", asks), (REGISTRY, BASIC, answer(200))).check(login(clock))
    with pytest.raises(RegistryDenied, match="octocat"):
        await content(tmp_path, (REGISTRY, "", asks), (REGISTRY, BASIC, asks)).check(login(clock))
    with pytest.raises(RegistryUnavailable):
        await content(tmp_path).check(login(clock))
