"""What a registry's answers mean: the status decides, and names of images never do."""

import hashlib
import json
from typing import Any

import pytest

from pvdify.adapters.podman.images import registry_errors
from pvdify.adapters.podman.images.images import NOT_DIRECTLY_FOR, PodmanImages, pause_before_retry
from pvdify.adapters.podman.images.registry_api import RegistryAccess, RegistryApi, Reply
from pvdify.errors import RegistryNotAllowed, ServiceUnavailable
from pvdify.model.image_reference import parse_image_reference
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.plumbing.web import WebAnswer, WebRequest
from tests.fakes.clock import FakeClock

IMAGE = "application/vnd.oci.image.config.v1+json"
REFERENCE = parse_image_reference("ghcr.io/org/shop:v1")


class Answering:
    """A web client with scripted answers, by the beginning of the URL and whether the request is authorized."""

    def __init__(self, *answers: tuple[str, str, WebAnswer]) -> None:
        self.asked: list[WebRequest] = []
        self._answers = answers

    async def ask(self, request: WebRequest) -> WebAnswer:
        self.asked.append(request)
        authorization = request.headers.get("Authorization", "")
        for begin, wanted, answer in self._answers:
            if request.url.startswith(begin) and wanted == authorization:
                return answer
        raise ServiceUnavailable("it does not answer", why="connection refused")


def answer(status: int, document: Any = None, **headers: str) -> WebAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebAnswer(status=status, headers=named, content=json.dumps(document or {}).encode())


def image(**more: Any) -> dict[str, Any]:
    return {"config": {"mediaType": IMAGE}, "layers": [], **more}


def of(said: Reply, reference: str = "ghcr.io/org/shop:v1") -> tuple[str, str]:
    error = registry_errors.of_answer(parse_image_reference(reference), said, architecture="amd64")
    return (error.code, error.why) if error else ("", "")


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        (Reply(status=200, document=image()), "", ""),
        (Reply(status=200, document={"manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]}), "", ""),
        (Reply(status=401, codes=("UNAUTHORIZED",)), "registry-denied", "not signed in there: HTTP 401, UNAUTHORIZED"),
        (Reply(status=403, codes=("DENIED",)), "registry-denied", "HTTP 403, DENIED"),
        (Reply(status=404, codes=("MANIFEST_UNKNOWN",)), "image-not-found", "no tag v1 of org/shop"),
        (Reply(status=404, codes=("NAME_UNKNOWN",)), "image-not-found", "no repository org/shop"),
        (Reply(status=429, retry_after=3600.0), "registry-rate-limited", "asks to wait 3600 s"),
        (Reply(status=429), "registry-rate-limited", "HTTP 429"),
        (Reply(status=500), "registry-unavailable", "HTTP 500"),
        (Reply(status=503, is_web_page=True), "registry-unavailable", "HTTP 503"),
        (Reply(status=302, is_web_page=True), "not-an-image", "a web page"),
        (Reply(status=200, is_web_page=True), "not-an-image", "a web page"),
        (
            Reply(status=200, document=image(config={"mediaType": "application/vnd.cncf.helm.config.v1+json"})),
            "not-an-image",
            "a Helm chart",
        ),
        (Reply(status=200, document=image(artifactType="application/x")), "not-an-image", "of the type application/x"),
        (Reply(status=200, document={"manifests": []}), "not-an-image", "empty list"),
        (
            Reply(status=200, document={"manifests": [
                {"platform": {"os": "linux", "architecture": "arm64"}},
                {"platform": {"os": "unknown", "architecture": "unknown"}},
            ]}),
            "wrong-platform",
            "it is built for arm64; this server is amd64",
        ),
        (
            Reply(status=200, document={"manifests": [{"platform": {"os": "windows", "architecture": "amd64"}}]}),
            "wrong-platform",
            "it is built for windows/amd64; this server is amd64",
        ),
    ],
)  # fmt: skip
def test_an_answer_decides_the_error(said: Reply, code: str, why: str) -> None:
    found = of(said)

    assert found[0] == code
    assert why in found[1]


@pytest.mark.parametrize(
    "reference",
    ["ghcr.io/org/shop:500", "ghcr.io/org/shop:403", "ghcr.io/org/certificate-service:v1",
     "ghcr.io/forbidden-city/toomanyrequests:denied", "x509.example.com/unauthorized/eof:401"],
)  # fmt: skip
def test_image_names_do_not_influence_the_error(reference: str) -> None:
    parsed = parse_image_reference(reference)
    words = (
        f'level=fatal msg="Error parsing image name \\"docker://{reference}\\": reading manifest {parsed.tag} in '
        f'{parsed.repository}: manifest unknown"'
    )

    assert of(Reply(status=404, codes=("MANIFEST_UNKNOWN",)), reference)[0] == "image-not-found"
    assert registry_errors.ask_failed(parsed, words).code == "image-not-found"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("x509: certificate signed by unknown authority", "does not trust its certificate"),
        ("tls: failed to verify certificate: x509: certificate has expired", "does not trust its certificate"),
        ("http: server gave HTTP response to HTTPS client", "does not speak HTTPS"),
        ("tls: first record does not look like a TLS handshake", "does not speak HTTPS"),
    ],
)
def test_a_tls_failure_is_distinguished_from_no_answer(words: str, why: str) -> None:
    parsed = parse_image_reference("registry.test/x509/shop:v1")

    error = registry_errors.ask_failed(parsed, f'level=fatal msg="pinging container registry registry.test: {words}"')

    assert error.code == "registry-unavailable"
    assert why in error.why
    assert "does not answer" not in error.what


async def test_a_token_is_asked_for_with_the_login_as_the_registry_wants() -> None:
    challenge = 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:org/shop:pull"'
    manifests = "https://ghcr.io/v2/org/shop/manifests/v1"
    token = "https://ghcr.io/token?service=ghcr.io&scope=repository%3Aorg%2Fshop%3Apull"
    web = Answering(
        (manifests, "", answer(401, www_authenticate=challenge)),
        (token, "Basic bWU6c2VjcmV0", answer(200, {"token": "t"})),
        (manifests, "Bearer t", answer(200, image())),
    )

    said = await RegistryApi(web).ask(REFERENCE, RegistryAccess(login="bWU6c2VjcmV0"))

    assert said is not None
    assert (said.status, len(web.asked)) == (200, 3)


async def test_a_login_is_sent_to_no_address_that_is_not_encrypted() -> None:
    web = Answering(("https://ghcr.io", "", answer(401, www_authenticate='Bearer realm="http://evil.example/token"')))

    said = await RegistryApi(web).ask(REFERENCE, RegistryAccess(login="bWU6c2VjcmV0"))

    assert said is not None
    assert (said.status, len(web.asked)) == (401, 1)


async def test_a_token_service_is_asked_only_if_its_host_is_allowed() -> None:
    async def refuse(host: str) -> None:
        raise RegistryNotAllowed(f"{host} may not be asked")

    challenge = 'Bearer realm="https://127.0.0.1:9443/token"'
    web = Answering(("https://ghcr.io", "", answer(401, www_authenticate=challenge)))

    with pytest.raises(RegistryNotAllowed, match=r"127\.0\.0\.1:9443"):
        await RegistryApi(web).ask(REFERENCE, RegistryAccess(check_host=refuse))

    assert len(web.asked) == 1


async def test_a_registry_that_does_not_answer_has_no_verdict() -> None:
    assert await RegistryApi(Answering()).ask(REFERENCE, RegistryAccess()) is None


@pytest.mark.parametrize(
    ("said", "tries", "pause"),
    [
        (Reply(status=429, retry_after=5.0), 1, 5.0),
        (Reply(status=429, retry_after=0.0), 1, 1.0),
        (Reply(status=429, retry_after=0.0), 59, 1.0),
        (Reply(status=429), 1, None),
        (Reply(status=503), 1, 1.0),
        (Reply(status=503), 2, 3.0),
        (Reply(status=503), 3, None),
        (Reply(status=503, retry_after=7.0), 1, 7.0),
        (Reply(status=200), 1, 1.0),
        (Reply(status=200), 2, None),
        (Reply(status=404), 1, None),
    ],
)
def test_only_a_busy_registry_is_retried(said: Reply, tries: int, pause: float | None) -> None:
    assert pause_before_retry(said, tries) == pause


MANIFEST = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


def manifest(digest: str = DIGEST) -> WebAnswer:
    return WebAnswer(status=200, headers={"docker-content-digest": digest}, content=MANIFEST)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (manifest(), DIGEST),
        (manifest("sha256:0000"), None),
        (WebAnswer(status=200, content=MANIFEST), None),
        (answer(404, {"errors": [{"code": "MANIFEST_UNKNOWN"}]}), ""),
        (answer(429), ""),
    ],
    ids=["right", "another", "no header", "no tag", "busy"],
)
async def test_the_digest_of_a_tag_is_that_of_the_content(given: WebAnswer, expected: str | None):
    web = Answering(("https://ghcr.io/v2/org/shop/manifests/v1", "", given))

    assert await RegistryApi(web).digest(REFERENCE, RegistryAccess()) == expected


async def test_a_registry_that_does_not_answer_has_no_digest():
    assert await RegistryApi(Answering()).digest(REFERENCE, RegistryAccess()) is None


class Skopeo:
    """A runner that knows one digest; ``asked``: how often it was started."""

    def __init__(self) -> None:
        self.asked = 0

    async def run(self, argv: Argv, **_: object) -> Completed:
        self.asked += 1
        return Completed(argv=argv, exit_code=0, stdout="sha256:of-skopeo\n", stderr="")


def images_on(web: Answering) -> tuple[PodmanImages, Skopeo, FakeClock]:
    skopeo, clock = Skopeo(), FakeClock()
    return PodmanImages(runner=skopeo, server_id="abc", registry=RegistryApi(web), clock=clock), skopeo, clock  # type: ignore[arg-type]


async def test_a_tag_is_resolved_without_a_program():
    images, skopeo, _ = images_on(Answering(("https://ghcr.io/v2/org/shop/manifests/v1", "", manifest())))

    assert await images.resolve(REFERENCE) == DIGEST
    assert skopeo.asked == 0


async def test_a_registry_that_only_skopeo_reaches_is_rarely_asked_directly():
    web = Answering()
    images, skopeo, clock = images_on(web)

    for _ in range(3):
        assert await images.resolve(REFERENCE) == "sha256:of-skopeo"
    assert (skopeo.asked, len(web.asked)) == (3, 1)
    await clock.sleep(NOT_DIRECTLY_FOR)
    await images.resolve(REFERENCE)

    assert len(web.asked) == 2


async def test_a_missing_tag_does_not_disable_direct_resolution_of_others():
    missing = answer(404, {"errors": [{"code": "MANIFEST_UNKNOWN"}]})
    url = "https://ghcr.io/v2/org/shop/manifests/"
    images, skopeo, _ = images_on(Answering((f"{url}v0", "", missing), (f"{url}v1", "", manifest())))

    await images.resolve(parse_image_reference("ghcr.io/org/shop:v0"))
    assert await images.resolve(REFERENCE) == DIGEST

    assert skopeo.asked == 1
