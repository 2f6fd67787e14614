"""The ``identities`` port: signed JSON web tokens."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from pvdify.adapters.openid.keys import ALGORITHM, Keys
from pvdify.adapters.openid.tokens import verify
from pvdify.model.foreign_json import parse_json
from pvdify.model.link import refused

LONGEST_TOKEN = 16 * 1024  # characters
PARTS = ("header", "payload", "signature")


class OpenidIdentities:
    """Implements ``ports.identities.Identities``."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def claims_of(self, token: str) -> Mapping[str, Any]:
        key = await self._keys.get(_key_name(token))
        try:
            return verify(token, key, [ALGORITHM])
        except ValueError as error:
            raise refused("signature", "is not that of the issuer") from error


def _key_name(token: str) -> str:
    """Return the key id (``kid``) in the token's header, which is not verified yet.

    Raises IdentityRefused if the token is malformed or its algorithm is not ``ALGORITHM``.
    """
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or len(parts) != len(PARTS):
        raise refused("token", "is not three parts with a point between")
    header, _, _ = (_decoded(name, part) for name, part in zip(PARTS, parts, strict=True))
    try:
        words = parse_json(header)
    except ValueError as error:
        raise refused("header", "is not JSON") from error
    if not isinstance(words, dict) or words.get("alg") != ALGORITHM:
        raise refused("alg", f"is not {ALGORITHM}")
    if words.get("typ", "JWT") != "JWT" or "crit" in words:
        raise refused("typ", "is not that of a plain JSON web token")
    if not isinstance(words.get("kid"), str):
        raise refused("kid", "is missing")
    return str(words["kid"])


def _decoded(name: str, part: str) -> bytes:
    """Decode base64url. Raises IdentityRefused unless the encoding is canonical.

    Decoders ignore spare bits at the end, so without this check one token could have many texts.
    """
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (ValueError, binascii.Error) as error:
        raise refused(name, "is not base64url") from error
    if not decoded or base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise refused(name, "is not written in the one right way")
    return decoded
