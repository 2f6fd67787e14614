"""ID tokens of workflows, and the issuer's keys that verify them."""

import base64
import json

import pytest

from pvdify.adapters.openid.identities import OpenidIdentities
from pvdify.adapters.openid.keys import Keys
from pvdify.errors import CodeHostUnavailable, IdentityRefused
from tests.fakes.clock import FakeClock
from tests.support.issuer import ISSUER, IssuersWeb, claims_of_a_push, encoded, rsa_key, signed


class Provider:
    """The adapter, and the world around it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.web = IssuersWeb(rsa_key("one"))
        self.identities = OpenidIdentities(Keys(ISSUER, self.web, self.clock))
        self.claims = claims_of_a_push(self.clock.now())

    async def refusal(self, token: str) -> str:
        with pytest.raises(IdentityRefused) as error:
            await self.identities.claims_of(token)
        return str(error.value.details["claim"])


async def test_a_valid_token_is_accepted_with_keys_fetched_once():
    provider = Provider()
    token = signed(provider.claims, rsa_key("one"))

    for _ in range(3):
        assert await provider.identities.claims_of(token) == provider.claims

    assert provider.web.asked == ["https://token.actions.githubusercontent.com/.well-known/jwks"]


async def test_a_new_key_is_fetched_and_unknown_key_ids_refetch_rarely():
    provider = Provider()
    await provider.identities.claims_of(signed(provider.claims, rsa_key("one")))
    provider.web.keys = [rsa_key("two")]
    provider.clock.jump(31)

    assert await provider.identities.claims_of(signed(provider.claims, rsa_key("two"))) == provider.claims
    for number in range(20):
        assert await provider.refusal(signed(provider.claims, rsa_key("two"), kid=f"made up {number}")) == "kid"

    assert len(provider.web.asked) == 2
    assert await provider.refusal(signed(provider.claims, rsa_key("one"))) == "kid"


async def test_known_keys_are_used_for_a_day_while_the_issuer_is_down():
    provider = Provider()
    token = signed(provider.claims, rsa_key("one"))
    await provider.identities.claims_of(token)
    provider.web.is_down = True

    provider.clock.jump(23 * 3600)
    assert await provider.identities.claims_of(token) == provider.claims
    provider.clock.jump(3601)
    with pytest.raises(CodeHostUnavailable, match="keys"):
        await provider.identities.claims_of(token)


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"{}", b'{"keys": []}', b'{"keys": [1]}', b'{"keys": 5}'])
async def test_without_keys_tokens_are_refused_and_the_next_fetch_waits(content: bytes):
    provider = Provider()
    provider.web.content = content
    token = signed(provider.claims, rsa_key("one"))
    for _ in range(2):
        with pytest.raises(CodeHostUnavailable):
            await provider.identities.claims_of(token)

    provider.web.content = None
    provider.clock.jump(31)

    assert await provider.identities.claims_of(token) == provider.claims
    assert len(provider.web.asked) == 2


@pytest.mark.filterwarnings("ignore:Key size")  # the library says so, too
async def test_short_keys_and_keys_for_other_uses_are_ignored():
    provider = Provider()
    whole = rsa_key("one").as_dict(private=False)
    others = [{**whole, "use": "enc"}, {**whole, "alg": "RS512"}, {**whole, "kty": "oct"}, {**whole, "kid": 5},
              {**rsa_key("short", 1024).as_dict(private=False)}, {**whole, "n": "A"}]  # fmt: skip
    provider.web.content = json.dumps({"keys": [*others, rsa_key("two").as_dict(private=False)]}).encode()

    assert await provider.refusal(signed(provider.claims, rsa_key("one"))) == "kid"
    assert await provider.refusal(signed(provider.claims, rsa_key("short", 1024))) == "kid"
    assert await provider.identities.claims_of(signed(provider.claims, rsa_key("two"))) == provider.claims


@pytest.mark.parametrize(
    ("header", "claim"),
    [
        ({"alg": "none"}, "alg"), ({"alg": "HS256"}, "alg"), ({"alg": "RS512"}, "alg"), ({"alg": "rs256"}, "alg"),
        ({"typ": "at+jwt"}, "typ"), ({"crit": ["b64"], "b64": False}, "typ"),
        ({"kid": None}, "kid"), ({"kid": 5}, "kid"),
    ],
)  # fmt: skip
async def test_an_unsupported_header_is_refused_by_name(header: dict[str, object], claim: str):
    provider = Provider()
    _, payload, signature = signed(provider.claims, rsa_key("one")).split(".")
    words = json.dumps({"alg": "RS256", "typ": "JWT", "kid": "one", **header}).encode()

    assert await provider.refusal(f"{encoded(words)}.{payload}.{signature}") == claim


async def test_a_signature_with_changed_unused_bits_is_refused():
    provider = Provider()
    token = signed(provider.claims, rsa_key("one"))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + letters[letters.index(token[-1]) ^ 1]

    assert await provider.refusal(twin) == "signature"
    assert await provider.refusal(token + "=") == "signature"


@pytest.mark.parametrize("text", ["", ".", "..", "a.b", "a.b.c", "é.é.é", "x" * 20_000, "e30.e30.e30.e30"])
async def test_malformed_tokens_are_refused(text: str):
    assert await Provider().refusal(text) in {"token", "header", "payload", "signature", "alg"}


async def test_the_right_claims_under_another_signature_are_refused():
    provider = Provider()

    assert await provider.refusal(signed(provider.claims, rsa_key("two"), kid="one")) == "signature"


@pytest.mark.parametrize(
    "content",
    [
        b'{"keys":' + b"[" * 200_000,
        b'{"keys": {"a": 1}}',
        b'{"keys": [' + b" " * 300_000 + b"]}",
        b"[]",
        b'{"keys": 5}',
    ],
)
async def test_an_oversized_or_malformed_key_set_counts_as_unavailable(content: bytes):
    provider = Provider()
    provider.web.content = content

    with pytest.raises(CodeHostUnavailable):
        await provider.identities.claims_of(signed(provider.claims, rsa_key("one")))


async def test_a_deeply_nested_header_is_refused():
    provider = Provider()
    header = base64.urlsafe_b64encode(b"[" * 9_000).rstrip(b"=").decode()

    assert await provider.refusal(f"{header}.AA.AA") == "header"
