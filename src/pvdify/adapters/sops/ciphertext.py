"""Encrypt and decrypt one value: ``ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]``."""

import base64
import binascii
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.scalars import Scalar, from_bytes, to_bytes

DATA_KEY_SIZE = IV_SIZE = 32  # bytes
TAG_SIZE = 16  # bytes
_SEALED = re.compile(r"ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:([^],]+)\]")


def seal(value: str, data_key: bytes, bound_to: str) -> str:
    """Encrypt a text; return empty text unchanged.

    ``bound_to``: the value's place in the document. The value can only be decrypted with the same place.
    """
    if not value:
        return ""
    iv = os.urandom(IV_SIZE)
    sealed = AESGCM(data_key).encrypt(iv, to_bytes(value), bound_to.encode())
    data, tag = sealed[:-TAG_SIZE], sealed[-TAG_SIZE:]
    parts = ",".join(f"{name}:{base64.b64encode(part).decode()}" for name, part in
                     (("data", data), ("iv", iv), ("tag", tag)))  # fmt: skip
    return f"ENC[AES256_GCM,{parts},type:str]"


def unseal(sealed: object, data_key: bytes, bound_to: str) -> Scalar:
    """Decrypt a value. Raises SopsRefused if it is not encrypted, damaged, or comes from another place."""
    if sealed == "":
        return ""
    where = bound_to.removesuffix(":")
    match = _SEALED.fullmatch(sealed) if isinstance(sealed, str) else None
    if match is None:
        raise SopsRefused(f"{where}: stands in clear where the file says that it is encrypted")
    try:
        data, iv, tag = (base64.b64decode(part, validate=True) for part in match.groups()[:3])
        if len(tag) != TAG_SIZE:
            raise ValueError("a tag of another length")
        content = AESGCM(data_key).decrypt(iv, data + tag, bound_to.encode())
    except (binascii.Error, ValueError) as error:
        raise SopsRefused(f"{where}: is not what SOPS writes") from error
    except InvalidTag as error:
        raise SopsRefused(f"{where}: was changed, renamed or moved after it was encrypted") from error
    return from_bytes(content, match[4])
