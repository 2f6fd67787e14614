"""What answers at the public URL in place of the release, derived from the answer."""

import pytest

from pvdify.adapters.cloudflare.causes import cause_of as cause_at_cloudflare
from pvdify.model.public import Obstacle, PublicAnswer, cause_of

PROOF = b"0123abcd"
FROM_CLOUDFLARE = {"server": "cloudflare", "cf-ray": "8f0-FRA"}


def test_the_routers_own_answer_proves_the_public_route():
    assert (
        cause_of("shop.example.com", PublicAnswer(status=200, content=PROOF + b"\n"), PROOF, cause_at_cloudflare)
        is None
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PublicAnswer(obstacle=Obstacle.NO_NAME, text="Name or service not known"), "DNS: shop.example.com"),
        (PublicAnswer(obstacle=Obstacle.NO_TLS, text="HANDSHAKE_FAILURE"), "TLS: Cloudflare has no certificate"),
        (PublicAnswer(obstacle=Obstacle.NO_TLS, text="self-signed certificate"), "TLS: no valid certificate"),
        (PublicAnswer(obstacle=Obstacle.TIMEOUT), "did not answer in time"),
        (PublicAnswer(obstacle=Obstacle.NO_CONNECTION, text="refused"), "takes no connection (refused)"),
        (PublicAnswer(status=530, headers=FROM_CLOUDFLARE), "the tunnel is down"),
        (PublicAnswer(status=502, headers=FROM_CLOUDFLARE), "the tunnel does not reach the router"),
        (PublicAnswer(status=302, headers={"location": "https://team.cloudflareaccess.com/cdn-cgi/access/login/x"}),
         "Cloudflare Access"),
        (PublicAnswer(status=302, headers={"location": "/cdn-cgi/access/login/shop.example.com"}), "Cloudflare Access"),
        (PublicAnswer(status=403, headers={"cf-access-domain": "shop.example.com"}), "Cloudflare Access"),
        (PublicAnswer(status=403, headers={**FROM_CLOUDFLARE, "cf-mitigated": "challenge"}), "Cloudflare challenges"),
        (PublicAnswer(status=200, content=b"another page"), "is not answered by"),
        (PublicAnswer(status=404, headers=FROM_CLOUDFLARE), "answered with 404"),
        (PublicAnswer(status=502), "answered with 502"),
        (PublicAnswer(status=302, headers={"location": "https://www.example.com/"}), "answered with 302"),
    ],
)  # fmt: skip
def test_each_obstacle_has_a_name_and_a_next_step(answer: PublicAnswer, words: str):
    cause = cause_of("shop.example.com", answer, PROOF, cause_at_cloudflare)

    assert cause is not None
    assert words in cause.what
    assert cause.next


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PublicAnswer(obstacle=Obstacle.NO_TLS, text="HANDSHAKE_FAILURE"), "TLS: no valid certificate"),
        (PublicAnswer(status=530, headers=FROM_CLOUDFLARE), "answered with 530"),
    ],
)
def test_without_an_edge_the_explanation_names_no_vendor(answer: PublicAnswer, words: str):
    cause = cause_of("shop.example.com", answer, PROOF, lambda _hostname, _answer: None)

    assert cause is not None
    assert words in cause.what
    assert "Cloudflare" not in f"{cause.what}{cause.next}"
