"""The byte strings to search for to find a secret value in the output of programs. No I/O.

Escaped and encoded forms of a value are not listed here: ``views`` decodes the text instead.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pvdify.model.views import SHORTEST as SHORTEST_SECRET
from pvdify.model.views import unescaped

LONGEST_WHOLE = 128  # bytes; longer values are searched for in parts
FRAGMENT, WORDY_FRAGMENT = 16, 24  # bytes searched for of a long value: of random text, and of possible words
SHORTEST_CUT, SHORTEST_WORDY_CUT = 24, 48  # bytes of the value that must be present to be hidden
_SHORT = 12  # bytes; the encoded forms of shorter values are too short for views
_LONGEST_ADDRESS = 8192  # characters of a value that is parsed as a URL or a connection string
_PEM_BORDER = "-----"
_LEAST_CHANGES = 5  # changes between kinds of letters and digits in a fragment that looks random

# Bits per kind of character: only the XOR of two different kinds among letters and digits is 3, 5 or 6.
_LOWER, _UPPER, _DIGIT, _OTHER = 1, 2, 4, 16
_KINDS = bytes(
    _LOWER if 97 <= code <= 122
    else _UPPER if 65 <= code <= 90
    else _DIGIT if 48 <= code <= 57
    else 0 if code in b"+/ =_-"
    else _OTHER
    for code in range(256)
)  # fmt: skip
_NO_CHANGE = bytes(set(range(256)) - {_LOWER | _UPPER, _LOWER | _DIGIT, _UPPER | _DIGIT})
_SETTING = re.compile(r"(?:password|passwd|pwd|secret|token|key)\s*=\s*([^;&,\s'\"]+)", re.IGNORECASE)
_BEFORE_HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^/\s:@]*:([^/\s@]+)@")


class Needle(NamedTuple):
    """Bytes to search for: the part of ``whole``, a value or a line of it, that begins at ``at``.

    Around a match, at least ``least`` bytes of ``whole`` have to be present.
    """

    text: bytes
    whole: bytes
    at: int = 0
    least: int = 0


def refusal_of(value: str) -> str | None:
    """Return why this value cannot be a secret; None if it can.

    Secrets are hidden in all output, so a secret must be too long to be a common word or number.
    """
    if any(len(line.strip()) >= SHORTEST_SECRET for line in value.splitlines()):
        return None
    return (
        f"too short for a secret: at least {SHORTEST_SECRET} characters in a row are needed, because every place in "
        "logs where a shorter one stands by chance would be hidden; lengthen it, or set it without --secret"
    )


def needles_of(value: str, *, with_encoded: bool = True) -> Iterator[Needle]:
    """Yield the needles of a secret: the value, each of its lines, the password in a URL, parts of a long value.

    ``with_encoded``: include the encoded forms of a value that is too short for the usual views.
    """
    for text in dict.fromkeys(_texts(value)):
        raw = text.encode("utf-8", "surrogatepass")
        plain = unescaped(raw)
        if SHORTEST_SECRET <= len(plain) <= LONGEST_WHOLE:
            yield Needle(plain, plain)
        if plain != raw and len(raw) <= LONGEST_WHOLE:
            yield Needle(raw, raw)
            quoted = unescaped(raw + b"'")  # in quotes, an end such as 0x41 is no escape
            if quoted != plain and len(quoted) >= SHORTEST_SECRET:
                yield Needle(quoted, quoted)
        if len(plain) > SHORTEST_CUT:
            yield from _fragments(plain)
        if with_encoded and is_short(raw):
            yield from (Needle(form, form) for form in map(unescaped, _encoded(raw)))
        for tail in _tails(raw):
            yield Needle(tail, tail)


def is_short(raw: bytes) -> bool:
    """Return whether the encoded value is shorter than what the usual views decode."""
    return len(raw) < _SHORT


def _fragments(plain: bytes) -> Iterator[Needle]:
    """Yield parts of a long text, to find it cut or wrapped anywhere: every 39 bytes contain one.

    Words, addresses and dates can occur by chance, so more of them has to be present.
    """
    kinds = plain.translate(_KINDS)
    changes = (int.from_bytes(kinds[1:]) ^ int.from_bytes(kinds[:-1])).to_bytes(len(kinds) - 1)
    for at in range(0, len(plain) - FRAGMENT + 1, FRAGMENT):
        end = at + FRAGMENT
        if _OTHER not in kinds[at:end] and len(changes[at : end - 1].translate(None, _NO_CHANGE)) >= _LEAST_CHANGES:
            yield Needle(plain[at:end], plain, at, SHORTEST_CUT)
        elif len(plain) > SHORTEST_WORDY_CUT:
            begin = min(at, len(plain) - WORDY_FRAGMENT)
            yield Needle(plain[begin : begin + WORDY_FRAGMENT], plain, begin, SHORTEST_WORDY_CUT)


def _tails(raw: bytes) -> Iterator[bytes]:
    """Yield the last lines that base64 makes when it wraps the value at 64 or 76 characters.

    The end of an address can occur by chance, as can a few characters of a value that is not long.
    """
    least = _SHORT if len(raw) > LONGEST_WHOLE else WORDY_FRAGMENT
    for width in (48, 57) if len(raw) > SHORTEST_WORDY_CUT and b"://" not in raw else ():
        tail = unescaped(raw[len(raw) - len(raw) % width :])
        if len(tail) >= least:
            yield tail


def _texts(value: str) -> Iterator[str]:
    if len(value) >= SHORTEST_SECRET:
        yield value
    if "\n" in value or value != value.strip() or "\r" in value:
        texts = (value.strip(), *(line for line in _lines(value) if not line.startswith(_PEM_BORDER)))
        yield from (text for text in texts if len(text) >= SHORTEST_SECRET)
    if ("@" in value or "=" in value) and len(value) <= _LONGEST_ADDRESS:
        for password in _passwords_in(value.strip()):
            yield from (text for text in (password, unquote(password)) if len(text) >= SHORTEST_SECRET)


def _lines(value: str) -> list[str]:
    return [line.strip() for line in value.splitlines()]


def _passwords_in(value: str) -> Iterator[str]:
    """Yield the passwords of a URL, of a DSN without a scheme, and of ``Password=...`` in a connection string."""
    with suppress(ValueError):
        yield urlsplit(value).password or ""
    before_host = _BEFORE_HOST.match(value)
    if before_host:
        yield before_host[1]
    yield from _SETTING.findall(value)


def _encoded(raw: bytes) -> Iterator[bytes]:
    """Yield a short value in base64, at each offset in a longer encoded text, and in base32."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        first, last = (0, 2, 3)[before], 8 * (before + len(raw)) // 6
        for form in (encoded[first:last], encoded[first:].rstrip(b"=")):
            yield from (each for each in {form, form.translate(_URL_SAFE)} if len(each) >= SHORTEST_SECRET)
    yield base64.b32encode(raw).rstrip(b"=")


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
