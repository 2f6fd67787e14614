"""A device that keeps passkeys, in software: what a browser would give to a page, and what a thief could try."""

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One device with one key. ``origin``: what the browser says of the page."""

    origin: str
    is_verified: bool = True
    uses: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    user: str = ""

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer ``navigator.credentials.create``."""
        self.user = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(cose)
        data = self._data(options["rp"]["id"], ATTESTED) + attested
        response = {
            "clientDataJSON": self._client("webauthn.create", options["challenge"]),
            "attestationObject": encoded(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._credential(response)

    def use(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer ``navigator.credentials.get``."""
        self.uses += 1
        client, data = self._client("webauthn.get", options["challenge"]), self._data(options["rpId"])
        signed = data + hashlib.sha256(base64.urlsafe_b64decode(client + "==")).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._credential({
            "clientDataJSON": client, "authenticatorData": encoded(data), "signature": encoded(signature),
            "userHandle": self.user,
        })  # fmt: skip

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        id = encoded(self.id)
        return {"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}}

    def _data(self, host: str, more: int = 0) -> bytes:
        flags = PRESENT | (VERIFIED if self.is_verified else 0) | more
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.uses)

    def _client(self, kind: str, challenge: str) -> str:
        return encoded(json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode())
