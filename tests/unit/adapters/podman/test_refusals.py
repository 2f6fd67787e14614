import pytest

from pvdify.adapters.podman import refusals
from pvdify.adapters.podman.images import registry_errors
from pvdify.errors import ImageNotFound, NotEnoughDisk, PullFailed, RegistryDenied, RegistryUnavailable
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import InstanceSpec, Limits
from pvdify.plumbing.command_runner import Completed
from tests.support.endpoints import exposed

REFERENCE = parse_image_reference("ghcr.io/org/shop:v1")
FATAL = 'time="2026-11-23T12:25:34Z" level=fatal msg="Error parsing image name \\"docker://ghcr.io/org/shop:v1\\": {}"'


def failed(stderr: str) -> Completed:
    return Completed(argv=("podman", "run"), exit_code=125, stdout="", stderr=stderr)


def make_spec(command: str | tuple[str, ...] | None = None) -> InstanceSpec:
    limits = Limits(memory=1024**2)
    return InstanceSpec(
        name="n", app="shop", process="web", slot=42, number=1, image_id="f00d", limits=limits, command=command,
        exposed=exposed(3001),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "stderr"),
    [
        (
            refusals.is_name_in_use,
            'Error: creating container storage: the container name "x" is already in use by f00d. You have to remove '
            "that container to be able to reuse that name: that name is already in use",
        ),
        (refusals.is_container_missing, 'Error: inspecting object: no such container "x"'),
        (refusals.is_container_missing, 'Error: no container with name or ID "x" found: no such container'),
        (refusals.is_network_missing, "Error: unable to find network with name or ID pvdify-x-shop: network not found"),
        (refusals.is_network_there, "Error: network name pvdify-x-shop already used: network already exists"),
        (
            refusals.is_network_in_use,
            'Error: "pvdify-x-shop" has associated containers with it. Use -f to forcibly delete containers and pods: '
            "network is being used",
        ),
        (refusals.is_isolation_unknown, "Error: unsupported bridge network option isolate"),
        (refusals.is_init_missing, "Error: container-init binary not found on the host: stat /x: no such file"),
        (refusals.is_not_startable, "Error: container f00d must be in Created state: container state improper"),
        (refusals.is_not_startable, "Error: runc: runc create failed: container with given ID already exists"),
    ],
)
def test_podmans_messages_are_classified_only_after_a_failure(question, stderr):
    fine = Completed(argv=("podman",), exit_code=0, stdout="", stderr=stderr)

    assert question(failed(stderr))
    assert not question(fine)
    assert not question(failed("Error: something else"))


@pytest.mark.parametrize(
    ("command", "words", "why", "next"),
    [
        (
            "npm start",
            "ERROR (catatonit:6): failed to exec pid1: No such file or directory",
            "the image has no /bin/sh",
            "as a list",
        ),
        (
            ("/app",),
            'runc: exec: "/app": stat /app: no such file or directory: OCI runtime attempted to invoke a command that '
            "was not found",
            "the image has no /app",
            "correct the command",
        ),
        (("/app",), "failed to exec pid1: Permission denied", "/app cannot be executed", "correct the image"),
        (None, "listen tcp4 127.0.0.1:3001: bind: address already in use", "port 3001", "another port"),
        (None, "runc: unable to set memory limit to 1048576", "1024 KiB", "resources.memory"),
        (None, "f00d: image not known", "not on this server any more", "pulled again"),
        (None, "something new", "something new", "pvdify deploy"),
    ],
)
def test_a_failed_start_has_a_reason_and_a_next_step(command, words, why, next):
    error = refusals.start_failed(make_spec(command), words)

    assert error.what == "shop v42: web.1 could not be started"
    assert why in error.why
    assert next in error.next


def test_podmans_messages_are_stripped_and_shortened():
    plain = refusals.words_of('time="x" level=warning msg="slow"\nError: no space left\n')
    fatal = refusals.words_of(FATAL.format("manifest unknown"))

    assert plain == "no space left"
    assert fatal == 'Error parsing image name "docker://ghcr.io/org/shop:v1": manifest unknown'.removeprefix("Error: ")
    assert len(refusals.words_of("x" * 5000)) == refusals.LONGEST_WHY
    assert refusals.words_of("") == "it gave no reason"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("reading manifest v1 in ghcr.io/org/shop: manifest unknown: manifest unknown", ImageNotFound),
        ("reading manifest v1 in ghcr.io/org/shop: name unknown", ImageNotFound),
        ("choosing image instance: no image found in image index for architecture amd64", ImageNotFound),
        ("reading manifest v1: unauthorized: authentication required", RegistryDenied),
        ("Requesting bearer token: invalid status code from registry 403 (Forbidden)", RegistryDenied),
        ("requested access to the resource is denied", RegistryDenied),
        ("dial tcp 10.0.0.1:443: connect: connection refused", RegistryUnavailable),
        ("dial tcp: lookup ghcr.io on 1.1.1.1:53: no such host", RegistryUnavailable),
        ("context deadline exceeded", RegistryUnavailable),
        ("toomanyrequests: You have reached your pull rate limit", RegistryUnavailable),
        ("http: server gave HTTP response to HTTPS client", RegistryUnavailable),
        ("received unexpected HTTP status: 503 Service Unavailable", RegistryUnavailable),
        ("something new", RegistryUnavailable),
    ],
)
def test_the_registrys_message_decides_the_error(words, error):
    found = registry_errors.ask_failed(REFERENCE, FATAL.format(words))

    assert type(found) is error
    assert "ghcr.io" in found.what
    assert found.why
    assert found.next


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("Error: writing blob: no space left on device", NotEnoughDisk),
        ("Error: manifest unknown", ImageNotFound),
        ("Error: something new", PullFailed),
    ],
)
def test_a_failed_pull_is_distinguished_from_a_missing_image(words, error):
    assert type(registry_errors.pull_failed(REFERENCE, words)) is error


def test_a_denied_image_names_the_command_that_signs_in():
    error = registry_errors.ask_failed(REFERENCE, "Error: unauthorized")

    assert error.why == "not signed in there: unauthorized"
    assert "`pvdify registry:login ghcr.io -u USER`" in error.next


def test_a_denied_image_names_the_login_that_is_not_good_any_more():
    error = registry_errors.ask_failed(REFERENCE, "Error: unauthorized", "octocat")

    assert error.why == "signed in as octocat: unauthorized"
    assert "`pvdify registry:login ghcr.io -u octocat`" in error.next


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ('Error: logging into "ghcr.io": invalid username/password', RegistryDenied),
        ('Error: authenticating creds for "ghcr.io": dial tcp: lookup ghcr.io: no such host', RegistryUnavailable),
        ("Error: something new", RegistryUnavailable),
    ],
)
def test_a_refused_login_names_registry_and_user(words, error):
    found = registry_errors.login_failed("ghcr.io", "octocat", words)

    assert type(found) is error
    assert "ghcr.io" in found.what
    assert "`pvdify registry:login ghcr.io -u octocat`" in found.next


@pytest.mark.parametrize("host", ["certificates.example.com", "registry-503.example.com", "eof.example.com:5000"])
def test_a_wrong_password_is_no_silent_registry_whatever_its_name(host):
    found = registry_errors.login_failed(
        host, "octocat", f'Error: logging into "{host}": invalid username/password'
    )  # fmt: skip

    assert type(found) is RegistryDenied


def test_a_damaged_image_is_known_by_its_id():
    image = "1ab89cf546de88251348e87e70c6e5b12b69f4738bd0f9416aa0866dda577761"
    words = f'Error: locating item named "manifest" for image with ID "{image}" (consider removing the image to resolve'

    assert refusals.damaged_image(failed(words)) == image
    assert refusals.damaged_image(failed("Error: something else")) is None
    assert refusals.damaged_image(Completed(argv=("podman",), exit_code=0, stdout="", stderr=words)) is None
