"""A thousand changed or forged tokens of workflows, each sent for a linked app: none is exchanged.

The seed is fixed, so that a failure can be reproduced; another seed makes a thousand other tokens.
"""

import base64
import hmac
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pvdify.adapters.openid.identities import OpenidIdentities
from pvdify.adapters.openid.keys import Keys
from pvdify.engine.access.keyless import LinkRequest
from pvdify.errors import IdentityRefused
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.issuer import ISSUER, IssuersWeb, claims_of_a_push, encoded, rsa_key, signed

MANY, SEED = 1000, 20261125
GENUINE, ATTACKERS = rsa_key("one"), rsa_key("attacker")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "
Forge = Callable[[random.Random, dict[str, Any]], str]


def one_letter_changed(dice: random.Random, claims: dict[str, Any]) -> str:
    token = signed(claims, GENUINE)
    at = dice.randrange(len(token))
    return token[:at] + dice.choice(ALPHABET.replace(token[at], "")) + token[at + 1 :]


def one_bit_of_the_signature_changed(dice: random.Random, claims: dict[str, Any]) -> str:
    head, payload, signature = signed(claims, GENUINE).split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    return f"{head}.{payload}.{encoded(bytes(raw))}"


def spare_bits_changed(dice: random.Random, claims: dict[str, Any]) -> str:
    token = signed(claims, GENUINE)
    return token[:-1] + ALPHABET[ALPHABET.index(token[-1]) ^ dice.randrange(1, 16)]


def letters_left_out_or_added(dice: random.Random, claims: dict[str, Any]) -> str:
    token = signed(claims, GENUINE)
    at, count = dice.randrange(len(token)), dice.randrange(1, 40)
    added = "".join(dice.choice(ALPHABET) for _ in range(count))
    return token[:at] + (added + token[at:] if dice.random() < 0.5 else token[at + count :])


def parts_in_another_order(dice: random.Random, claims: dict[str, Any]) -> str:
    parts = signed(claims, GENUINE).split(".")
    while (mixed := dice.choices([*parts, "", "e30"], k=dice.randrange(1, 6))) == parts:
        pass
    return ".".join(mixed)


def signed_with_another_key(dice: random.Random, claims: dict[str, Any]) -> str:
    return signed(claims, ATTACKERS, kid=dice.choice(["one", "attacker", "", "../one", "one\x00"]))


def signed_with_an_embedded_key(dice: random.Random, claims: dict[str, Any]) -> str:
    own = {"jwk": ATTACKERS.as_dict(private=False)} if dice.random() < 0.5 else {"jku": "https://evil.example/jwks"}
    words = encoded(json.dumps({"alg": "RS256", "typ": "JWT", "kid": "one", **own}).encode())
    payload = encoded(json.dumps(claims).encode())
    signature = signed(claims, ATTACKERS).split(".")[2]
    return f"{words}.{payload}.{signature}"


def unsigned(dice: random.Random, claims: dict[str, Any]) -> str:
    words = {"alg": dice.choice(["none", "None", "NONE", "nOnE", "", None]), "typ": "JWT", "kid": "one"}
    signature = dice.choice(["", "AA", signed(claims, GENUINE).split(".")[2]])
    return f"{encoded(json.dumps(words).encode())}.{encoded(json.dumps(claims).encode())}.{signature}"


def public_key_as_a_password(dice: random.Random, claims: dict[str, Any]) -> str:
    form = dice.choice([GENUINE.as_pem(private=False), json.dumps(GENUINE.as_dict(private=False)).encode()])
    algorithm, digest = dice.choice(
        [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), ("RS256", "sha256")]
    )
    words = {"alg": algorithm, "typ": "JWT", "kid": "one"}
    said = f"{encoded(json.dumps(words).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{said}.{encoded(hmac.digest(form, said.encode(), digest))}"


def payload_of_another(dice: random.Random, claims: dict[str, Any]) -> str:
    """A valid token of the attacker's repository, with the payload of the victim's token."""
    own = {**claims, "repository_id": str(dice.randrange(100, 10**9)), "repository": "evil/shop"}
    head, _, signature = signed(own, GENUINE).split(".")
    return f"{head}.{encoded(json.dumps(claims).encode())}.{signature}"


def genuine_but_not_linked(dice: random.Random, claims: dict[str, Any]) -> str:
    """A token that GitHub issues to any other workflow: valid in everything but one claim."""
    now = claims["iat"]
    wrong: dict[str, list[Any]] = {
        "repository_id": [74, "75", "74 ", "074", "７４", None, ["74"], "", "74.0", True],
        "repository_owner_id": ["66", None, 65, "", "0x41"],
        "ref": ["refs/heads/develop", "refs/heads/main/", "refs/tags/main", "main", None, "refs/heads/MAIN", 5,
                "refs/pull/1/merge", "refs/heads/main\n", " refs/heads/main"],
        "event_name": ["pull_request_target", None, 1],
        "aud": ["https://example.org", ["https://example.com"], ["https://example.com", "x"], None, "example.com",
                "https://github.com/org", {"https://example.com": 1}],
        "iss": [ISSUER + "/", ISSUER.upper(), "https://evil.example", None, [ISSUER], ISSUER + ".evil.example"],
        "exp": [now - 31, 0, None, "9999999999", now + 10**6, -5, True, 1e9],
        "nbf": [now + 31, None, "0"], "iat": [now + 31, None, now + 10**9],
        "jti": [None, "", 7, ["a"], "x" * 2000],
        "environment": ["staging", None, "", 5, "productio"],
    }  # fmt: skip
    name = dice.choice(sorted(wrong))
    changed = {**claims, name: dice.choice(wrong[name])}
    return signed({key: value for key, value in changed.items() if value is not None}, GENUINE)


FORGERIES: tuple[Forge, ...] = (
    one_letter_changed, one_bit_of_the_signature_changed, spare_bits_changed, letters_left_out_or_added,
    parts_in_another_order, signed_with_another_key, signed_with_an_embedded_key, unsigned, public_key_as_a_password,
    payload_of_another, genuine_but_not_linked, genuine_but_not_linked, genuine_but_not_linked,
)  # fmt: skip


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    machine = Machine()
    machine.identities = OpenidIdentities(Keys(ISSUER, IssuersWeb(GENUINE), machine.clock))  # type: ignore[assignment]
    daemon = machine.daemon()
    wanted = LinkRequest(repository="org/shop", repository_id=74, owner_id=65, environment="production")
    await daemon.keyless.link("shop", wanted, ACTOR)
    yield daemon
    await daemon.bury()


@pytest.mark.slow
async def test_no_forged_token_of_a_thousand_is_exchanged(daemon: Daemon):
    dice = random.Random(SEED)
    by_claim: Counter[str] = Counter()

    for number in range(MANY):
        daemon.machine.clock.jump(5)  # slow enough for the rate limit
        now = daemon.machine.clock.now()
        claims = claims_of_a_push(now, jti=f"{number}", environment="production")
        token = FORGERIES[number % len(FORGERIES)](dice, claims)
        with pytest.raises(IdentityRefused) as refused:
            await daemon.keyless.exchange(token, "shop", "192.0.2.1")
        by_claim[str(refused.value.details["claim"])] += 1

    assert by_claim.total() == MANY
    assert set(by_claim) >= {
        "token", "header", "payload", "signature", "alg", "kid", "iss", "aud", "exp", "nbf", "iat", "jti",
        "repository_id", "repository_owner_id", "ref", "event_name", "environment",
    }  # fmt: skip
    assert await daemon.machine.store.tokens() == ()


async def test_the_unchanged_token_would_be_exchanged(daemon: Daemon):
    claims = claims_of_a_push(daemon.machine.clock.now(), environment="production")

    token, _ = await daemon.keyless.exchange(signed(claims, GENUINE), "shop", "192.0.2.1")

    assert token.app == "shop"
