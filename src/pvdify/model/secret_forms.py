"""The ways a secret value is written in other programs' output; pure."""

import base64
import json
import re
import string
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlsplit

SHORTEST_SECRET = 6
LONGEST_FORM, TILE = 128, 64
_LINE_WIDTHS = (64, 76)  # after so many characters, openssl and base64 begin a new line
_PEM_BORDER = "-----"

# what URL writers leave as it is, beside letters, digits and "-_.~": Python and Go, paths, JavaScript's two, passwords
_URL_SAFE = ("", "/", "!*'()", "!*'();/?:@&=+$,#", "!$&'()*+,;=", "*")
_PERCENT, _UNICODE = re.compile(r"%[0-9A-F]{2}"), re.compile(r"\\u([0-9a-f]{4})")
_HTML_SAFE = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_IN_DOUBLE_QUOTES = re.compile(r'["\\$`]')
_BACKSLASHED = re.compile(r"""[ \t\n'"\\|&;()<>!{}*\[\]?^$`,]|^[~#]""")
_ANSI_C = {"\a": "\\a", "\b": "\\b", "\x1b": "\\E", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
           "\\": "\\\\", "'": "\\'"}  # fmt: skip
_PRINTABLE_ASCII = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")


def refusal_of(value: str) -> str | None:
    """Why this cannot be kept as a secret; None if it can.

    What is found in output is hidden there, so a secret must be long enough not to be a common word or number.
    """
    if any(len(line) >= SHORTEST_SECRET for line in _lines(value)):
        return None
    return (
        f"too short for a secret: at least {SHORTEST_SECRET} characters in a row are needed, because every place in "
        "logs where a shorter one stands by chance would be hidden; lengthen it, or set it without --secret"
    )


def forms_of(value: str) -> frozenset[str]:
    """Every text that gives this secret away: as it is, in base64, as part of a URL, of JSON, of a shell's line.

    A secret of several lines comes out of a program line by line, so each line is one, too. Of a secret that is a URL,
    so is the password in it. A long form is given in parts.
    """
    forms = {form for text in _texts(value) for form in _written(text)}
    forms |= {form for text in (value, value.strip()) for form in _base64(text)}
    return frozenset(tile for form in forms if len(form) >= SHORTEST_SECRET for tile in _tiles(form))


def _tiles(form: str) -> Iterator[str]:
    """A long form in parts that cover it: it is then found where only part of it was written, and quickly learned."""
    if len(form) <= LONGEST_FORM:
        yield form
        return
    yield from (form[at : at + TILE] for at in range(0, len(form) - TILE, TILE))
    yield form[-TILE:]


def _texts(value: str) -> Iterator[str]:
    yield value
    yield value.strip()
    yield from (line for line in _lines(value) if not line.startswith(_PEM_BORDER))
    yield from _password_in(value)


def _lines(value: str) -> list[str]:
    return [line.strip() for line in value.splitlines()]


def _password_in(value: str) -> Iterator[str]:
    try:
        password = urlsplit(value.strip()).password
    except ValueError:
        return
    if password and len(password) >= SHORTEST_SECRET:
        yield password


def _written(text: str) -> Iterator[str]:
    if len(text) < SHORTEST_SECRET:
        return
    yield text
    yield from _url(text)
    yield from _json(text)
    yield from _shell(text)


def _base64(text: str) -> Iterator[str]:
    """Standard and URL-safe, wherever in a longer encoded text it begins: the characters that its bits fill alone."""
    raw = text.encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        first, last = (0, 2, 3)[before], 8 * (before + len(raw)) // 6
        yield from _both_alphabets(encoded[first:last])
        yield from _both_alphabets(encoded[first:])
        for width in _LINE_WIDTHS:
            yield from (encoded[at : at + width] for at in range(0, len(encoded), width) if before == 0)


def _both_alphabets(encoded: str) -> Iterator[str]:
    yield encoded
    yield encoded.replace("+", "-").replace("/", "_")


def _url(text: str) -> Iterator[str]:
    for safe in _URL_SAFE:
        escaped = quote(text, safe=safe)
        spaced = escaped.replace("%20", "+")
        for form in (escaped, spaced, escaped.replace("~", "%7E"), spaced.replace("~", "%7E")):
            yield form
            yield _PERCENT.sub(lambda match: match[0].lower(), form)


def _json(text: str) -> Iterator[str]:
    for is_ascii in (True, False):
        plain = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        for form in (plain, _html_safe(plain)):
            yield from _either_slash(form)
            yield from _either_slash(_UNICODE.sub(lambda match: f"\\u{match[1].upper()}", form))
        yield json.dumps(plain, ensure_ascii=is_ascii)[1:-1]  # JSON inside JSON


def _html_safe(text: str) -> str:
    return "".join(_HTML_SAFE.get(character, character) for character in text)


def _either_slash(text: str) -> Iterator[str]:
    yield text
    yield text.replace("/", "\\/")


def _shell(text: str) -> Iterator[str]:
    yield text.replace("'", "'\\''")
    yield text.replace("'", "'\"'\"'")
    yield _IN_DOUBLE_QUOTES.sub(r"\\\g<0>", text)
    yield _BACKSLASHED.sub(r"\\\g<0>", text)
    yield "".join(_ansi_c(text, is_ascii=False))
    yield "".join(_ansi_c(text, is_ascii=True))


def _ansi_c(text: str, *, is_ascii: bool) -> Iterable[str]:
    """As between ``$'`` and ``'``; without a UTF-8 locale, what is not ASCII stands there byte by byte."""
    for character in text:
        if character in _ANSI_C:
            yield _ANSI_C[character]
        elif character in _PRINTABLE_ASCII or (character.isprintable() and not is_ascii):
            yield character
        else:
            yield "".join(f"\\{byte:03o}" for byte in character.encode())
