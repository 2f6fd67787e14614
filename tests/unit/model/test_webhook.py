"""Signatures of webhooks."""

import pytest

from pvdify.model.webhook import IncomingWebhook, is_signed, signature_of

# The example that GitHub's documentation gives for trying one's own code.
SECRET, CONTENT = "It's a Secret to Everybody", b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def delivery(signature: str, content: bytes = CONTENT) -> IncomingWebhook:
    return IncomingWebhook(id="1", event="ping", signature=signature, content=content, address="192.0.2.1")


def test_the_signature_equals_githubs():
    assert signature_of(SECRET, CONTENT) == SIGNATURE


def test_each_secret_is_valid_during_a_rotation():
    assert is_signed(delivery(SIGNATURE), (SECRET,))
    assert is_signed(delivery(SIGNATURE), ("new", SECRET))


@pytest.mark.parametrize(
    "signature",
    [
        "", "sha256=", SIGNATURE[:-1], SIGNATURE + "0", SIGNATURE.upper(), SIGNATURE.removeprefix("sha256="),
        "sha1=" + SIGNATURE[7:], " " + SIGNATURE, "sha256=ü",
    ],
)  # fmt: skip
def test_malformed_signatures_are_refused(signature: str):
    assert not is_signed(delivery(signature), (SECRET,))


def test_an_additional_byte_or_another_secret_invalidates_the_signature():
    assert not is_signed(delivery(SIGNATURE, CONTENT + b"\n"), (SECRET,))
    assert not is_signed(delivery(SIGNATURE), ("another",))


def test_without_a_secret_every_signature_is_refused():
    assert not is_signed(delivery(signature_of("", CONTENT)), ())


def test_the_content_is_in_no_repr():
    assert "Hello" not in repr(delivery(SIGNATURE))
