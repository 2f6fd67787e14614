"""joserfc, which is imported when a key is first read: pvdifyd takes 4 MB less without it.

Reading keys can take 100 ms, so callers do it in a thread.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joserfc.jwk import KeySet, RSAKey


def verify(token: str, key: "RSAKey | KeySet", algorithms: Sequence[str]) -> Mapping[str, Any]:
    """Return the claims of a signed token. Raises ValueError unless it is signed with this key by one of these."""
    from joserfc import errors, jwt

    try:
        return jwt.decode(token, key, algorithms=list(algorithms)).claims
    except (errors.JoseError, TypeError) as error:
        raise ValueError(str(error)) from error


def rsa_key(public: Mapping[str, Any]) -> "RSAKey":
    """Read a public RSA key (RFC 7517). Raises ValueError if it is none."""
    from joserfc import errors, jwk, jwt  # noqa: F401 - jwt is here for ``verify``, which is called on the event loop

    try:
        return jwk.RSAKey.import_key(dict(public))
    except (errors.JoseError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def key_set(keys: Sequence[Any]) -> "KeySet":
    """Read a set of public keys (RFC 7517). Raises ValueError if one of them is none."""
    from joserfc import errors, jwk, jwt  # noqa: F401 - as above

    try:
        return jwk.KeySet.import_key_set({"keys": list(keys)})
    except (errors.JoseError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
