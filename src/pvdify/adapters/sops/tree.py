"""Decrypt and encrypt all values of documents, with the MAC that detects removed, added and changed values."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pvdify.adapters.sops import ciphertext
from pvdify.adapters.sops.metadata import Metadata
from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.scalars import Comment, Scalar, to_bytes

Node: TypeAlias = "Scalar | Mapping[str, Node] | Sequence[Node]"
Branch = Mapping[str, Node]
_MAC_SEED = hashlib.sha256(b"sops").digest()


def open_branches(branches: Sequence[Branch], metadata: Metadata, data_key: bytes) -> tuple[dict[str, Node], ...]:
    """Decrypt every document and verify the MAC over all of them. Raises SopsRefused."""
    walk = _Walk(metadata, data_key)
    opened = tuple(walk.branch(branch, ()) for branch in branches)
    expected = ciphertext.unseal(metadata.mac, data_key, metadata.last_modified)
    if not isinstance(expected, str) or not hmac.compare_digest(expected.encode(), walk.mac.encode()):
        raise SopsRefused("its MAC does not match: something was removed from it, added to it, or changed in it")
    return opened


def seal_flat(values: Mapping[str, str], data_key: bytes) -> dict[str, str]:
    """Return the flat document with every value encrypted and bound to its name."""
    return {name: ciphertext.seal(value, data_key, f"{name}:") for name, value in values.items()}


def seal_mac(values: Mapping[str, str], data_key: bytes, last_modified: str) -> str:
    """Return the encrypted MAC over these values in this order."""
    digest = hashlib.sha512(b"".join(to_bytes(value) for value in values.values()))
    return ciphertext.seal(digest.hexdigest().upper(), data_key, last_modified)


class _Walk:
    """A decryption of documents in file order, which is the order of the MAC."""

    def __init__(self, metadata: Metadata, data_key: bytes) -> None:
        self._metadata = metadata
        self._data_key = data_key
        self._digest = hashlib.sha512(_MAC_SEED if metadata.is_mac_of_encrypted_only else b"")

    @property
    def mac(self) -> str:
        return self._digest.hexdigest().upper()

    def branch(self, branch: Branch, path: tuple[str, ...]) -> dict[str, Node]:
        opened = {name: self._node(node, (*path, name)) for name, node in branch.items()}
        if any(isinstance(node, Comment) for node in opened.values()):
            raise SopsRefused("a comment stands where a value belongs")
        return opened

    def _node(self, node: Node, path: tuple[str, ...]) -> Node:
        if isinstance(node, Mapping):
            return self.branch(node, path)
        if isinstance(node, list | tuple):
            opened = [self._node(item, path) for item in node]
            return [item for item in opened if not isinstance(item, Comment)]
        return self._leaf(node, path)

    def _leaf(self, value: object, path: tuple[str, ...]) -> Scalar:
        if value is None:
            return None
        is_encrypted = self._metadata.is_encrypted(path)
        clear: Scalar = value  # type: ignore[assignment]
        if is_encrypted:
            clear = ciphertext.unseal(value, self._data_key, ":".join(path) + ":")
        if not isinstance(clear, Comment) and (is_encrypted or not self._metadata.is_mac_of_encrypted_only):
            self._digest.update(to_bytes(clear))
        return clear
