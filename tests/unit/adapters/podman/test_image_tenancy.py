"""Knowing the digest of a stored image is not enough to use it: the registry decides, unless the app keeps it."""

import json

from pvdify.adapters.podman.images.images import PodmanImages
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.tenant import Tenant
from pvdify.plumbing.command_runner import Argv, Completed

DIGEST = f"sha256:{'a' * 64}"
IMAGE_ID = "b" * 64
REFERENCE = parse_image_reference(f"ghcr.io/org/private@{DIGEST}")


class Machine:
    """A podman with one image, which the app ``blog`` keeps; its skopeo answers with the digest."""

    def __init__(self) -> None:
        self.ran: list[Argv] = []

    async def run(self, argv: Argv, **_: object) -> Completed:
        self.ran.append(argv)
        if argv[0] == "skopeo":
            return Completed(argv=argv, exit_code=0, stdout=DIGEST, stderr="")
        if "inspect" in argv:
            inspected = [{"Id": IMAGE_ID, "Digest": DIGEST, "Config": {}}]
            return Completed(argv=argv, exit_code=0, stdout=json.dumps(inspected), stderr="")
        listed = [{"Id": IMAGE_ID, "Names": ["localhost/pvdify/abc/blog:v1"]}]
        return Completed(argv=argv, exit_code=0, stdout=json.dumps(listed), stderr="")

    @property
    def has_asked_the_registry(self) -> bool:
        return any(argv[0] == "skopeo" for argv in self.ran)


async def resolve(tenant: Tenant | None) -> bool:
    machine = Machine()
    images = PodmanImages(runner=machine, server_id="abc")  # type: ignore[arg-type]
    local = frozenset({"ghcr.io"})  # so that no name is looked up here
    granted = tenant and Tenant(apps=tenant.apps, local_hosts=local)

    assert await images.resolve(REFERENCE, granted) == DIGEST
    return machine.has_asked_the_registry


async def test_the_registry_decides_for_an_app_that_does_not_keep_the_image():
    assert await resolve(Tenant(apps=("shop",)))
    assert await resolve(Tenant(apps=("blo",)))


async def test_the_app_that_keeps_it_and_its_previews_need_no_registry():
    assert not await resolve(Tenant(apps=("blog",)))
    assert not await resolve(Tenant(apps=("blog-pr-7", "blog")))


async def test_the_server_itself_needs_no_registry():
    assert not await resolve(None)
