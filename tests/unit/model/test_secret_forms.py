import base64
import csv
import html
import io
import json
import quopri
import random
import shlex
from collections.abc import Callable
from itertools import product
from textwrap import wrap
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pvdify.model.redaction import Redactor
from pvdify.model.secret_forms import needles_of, refusal_of

NO_NUL = st.characters(exclude_characters="\0", exclude_categories=["Cs"])  # no config value has one
SECRETS = st.text(NO_NUL, min_size=6, max_size=60).filter(lambda value: refusal_of(value) is None and "*" not in value)
AROUND = st.text(max_size=12)
WRITERS = {
    "raw": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "url": lambda text: quote(text, safe=""),
    "url path": quote,
    "form": quote_plus,
    "json": json.dumps,
    "json in utf-8": lambda text: json.dumps(text, ensure_ascii=False),
    "json inside json": lambda text: json.dumps(json.dumps(text)),
    "shell": shlex.quote,
}


def _csv(text: str) -> str:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerow([text])
    return written.getvalue().rstrip()


ENCODERS: dict[str, Callable[[str], str]] = {
    "html": html.escape,
    "xml": escape,
    "sql": lambda text: "'" + text.replace("'", "''") + "'",
    "csv": _csv,
    "yaml": lambda text: yaml.safe_dump(text, width=1000),
    "python": repr,
    "python bytes": lambda text: repr(text.encode()),
    "ascii": ascii,
    "json": json.dumps,
    "url": lambda text: quote(text, safe=""),
    "shell": shlex.quote,
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "hex with 0x": lambda text: ", ".join(f"0x{byte:02x}" for byte in text.encode()),
}


def _pairs(text: str) -> list[str]:
    return [f"{byte:02x}" for byte in text.encode()]


def _words(text: str, size: int) -> list[int]:
    """The words of a little-endian processor; the last is filled up."""
    content = text.encode()
    return [int.from_bytes(content[at : at + size], "little") for at in range(0, len(content), size)]


def _in_groups(text: str, size: int) -> str:
    return " ".join(wrap(text.encode().hex(), size))


LISTS: dict[str, Callable[[str], str]] = {
    "hex with colons": lambda text: ":".join(_pairs(text)),
    "HEX with colons": lambda text: ":".join(_pairs(text)).upper(),
    "openssl": lambda text: ":\n    ".join(wrap(":".join(_pairs(text)), 45)).replace("::", ":"),
    "hex with dashes": lambda text: "-".join(_pairs(text)),
    "hex with dots": lambda text: ".".join(_pairs(text)),
    "hex with commas": lambda text: ",".join(_pairs(text)),
    "hex with commas and spaces": lambda text: ", ".join(_pairs(text)),
    "hex with tabs": lambda text: "\t".join(_pairs(text)),
    "node": lambda text: f"<Buffer {' '.join(_pairs(text))}>",
    "xxd": lambda text: _in_groups(text, 4),
    "words": lambda text: _in_groups(text, 8),
    "hexdump": lambda text: f"00000000  {' '.join(_pairs(text)[:8])}  {' '.join(_pairs(text)[8:])}",
    "escapes": lambda text: "".join(f"\\x{pair}" for pair in _pairs(text)),
    "0x with spaces": lambda text: " ".join(f"0x{pair}" for pair in _pairs(text)),
    "C": lambda text: "{" + "\n    ".join(wrap(", ".join(f"0X{pair.upper()}" for pair in _pairs(text)), 70)) + "}",
    "JSON of Node": lambda text: json.dumps({"type": "Buffer", "data": list(text.encode())}),
    "indented JSON": lambda text: json.dumps(list(text.encode()), indent=4),
    "compact JSON": lambda text: json.dumps(list(text.encode()), separators=(",", ":")),
    "JSON of texts": lambda text: json.dumps(_pairs(text)),
    "go": lambda text: f"[{' '.join(map(str, text.encode()))}]",
    "hex with semicolons": lambda text: ";".join(_pairs(text)),
    "hex with bars": lambda text: "|".join(_pairs(text)),
    "0x with semicolons": lambda text: "; ".join(f"0x{pair}" for pair in _pairs(text)),
    "assembler": lambda text: ", ".join(f"{pair}h" for pair in _pairs(text)),
    "ASSEMBLER": lambda text: ",".join(f"0{pair}H" for pair in _pairs(text)).upper(),
    "assembler with spaces": lambda text: " ".join(f"{pair}h" for pair in _pairs(text)),
    "octal": lambda text: " ".join(f"{byte:03o}" for byte in text.encode()),
    "octal of C": lambda text: ", ".join(f"0{byte:o}" for byte in text.encode()),
    "octal of Python": lambda text: ", ".join(oct(byte) for byte in text.encode()),
    "octal of Go": lambda text: f"[{' '.join(f'{byte:o}' for byte in text.encode())}]",
    "od": lambda text: f"0000000 {' '.join(f'{word:06o}' for word in _words(text, 2))}",
    "od -x": lambda text: f"0000000 {' '.join(f'{word:04x}' for word in _words(text, 2))}",
    "od -t x4": lambda text: f"0000000 {' '.join(f'{word:08x}' for word in _words(text, 4))}",
    "od -t u1": lambda text: f"0000000 {' '.join(f'{byte:3}' for byte in text.encode())}",
    "binary": lambda text: " ".join(f"{byte:08b}" for byte in text.encode()),
    "binary of Python": lambda text: ", ".join(bin(byte) for byte in text.encode()),
    "decimal with semicolons": lambda text: "; ".join(map(str, text.encode())),
    "decimal with dots": lambda text: ".".join(map(str, text.encode())),
    "decimal with bars": lambda text: " | ".join(map(str, text.encode())),
    "typed array": lambda text: json.dumps({str(at): byte for at, byte in enumerate(text.encode())}),
    "rust": lambda text: ", ".join(f"{byte}u8" for byte in text.encode()),
    "rust without commas": lambda text: " ".join(f"{byte}u8" for byte in text.encode()),
    "rust in lines": lambda text: "\n".join(f"    {byte}_u8" for byte in text.encode()),
    "floats": lambda text: f"[{', '.join(f'{byte}.0' for byte in text.encode())}]",
    "floats of C": lambda text: "{" + ", ".join(f"{byte}.0f" for byte in text.encode()) + "}",
    "longs of Java": lambda text: ", ".join(f"{byte}L" for byte in text.encode()),
    "casts of Java": lambda text: ", ".join(f"(byte){byte}" for byte in text.encode()),
    "pascal": lambda text: " ".join(f"${pair}" for pair in _pairs(text)),
    "pascal's characters": lambda text: "".join(f"#{byte}" for byte in text.encode()),
    "scheme": lambda text: " ".join(f"#x{pair}" for pair in _pairs(text)),
    "basic": lambda text: ", ".join(f"&H{pair.upper()}" for pair in _pairs(text)),
    "basic's Chr": lambda text: " & ".join(f"Chr({byte})" for byte in text.encode()),
    "CHAR of SQL": lambda text: "||".join(f"CHAR({byte})" for byte in text.encode()),
    "code points": lambda text: " ".join(f"U+{ord(char):04X}" for char in text),
    "octal escapes with blanks": lambda text: " ".join(f"\\{byte:03o}" for byte in text.encode()),
    "escapes with blanks": lambda text: " ".join(f"\\x{pair}" for pair in _pairs(text)),
    "words with 0x": lambda text: ", ".join(f"0x{word:04x}" for word in _words(text, 2)),
    "PHP": lambda text: f"array ({', '.join(f'{at} => {byte}' for at, byte in enumerate(text.encode()))})",
    "print_r of PHP": lambda text: "\n".join(f"    [{at}] => {byte}" for at, byte in enumerate(text.encode())),
    "ruby": lambda text: "{" + ", ".join(f"{at}=>{byte}" for at, byte in enumerate(text.encode())) + "}",
    "lua": lambda text: "{" + ", ".join(f"[{at}] = {byte}" for at, byte in enumerate(text.encode(), start=1)) + "}",
    "compact typed array": lambda text: json.dumps(dict(enumerate(text.encode())), separators=(",", ":")),
}
CHARACTERS = "abcXYZ0189'\"<>&:/=+@ é-_"
VALUES = st.text(alphabet=CHARACTERS, min_size=12, max_size=60).filter(
    lambda value: sum(char.isalnum() for char in value) > 8 and value[0].isalnum() and value[-1].isalnum()
)
TOKEN = base64.b64encode(random.Random(1).randbytes(1200)).decode()
PEM = f"-----BEGIN PRIVATE KEY-----\n{chr(10).join(wrap(TOKEN, 64))}\n-----END PRIVATE KEY-----\n"


def shown(cleaned: str) -> int:
    """Return the length of the longest run that is not hidden."""
    return max(len(run) for line in cleaned.split("\n") for run in line.split("***"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
@given(secret=VALUES, before=st.sampled_from(["", "token=", "x: ", "Bearer "]))
def test_a_secret_is_hidden_in_every_encoding(name: str, secret: str, before: str) -> None:
    written = ENCODERS[name](secret)

    cleaned = Redactor([secret]).clean(f"{before}{written}")

    assert shown(cleaned.rstrip("=")) <= len(before) + 4, cleaned


@pytest.mark.parametrize("secret", ['0000000X00"0', "pass0x41'word", '"0x41-0x42"abcdef', "0000000'0X01"])
@pytest.mark.parametrize("name", ["raw", "json", "json inside json", "shell", "base64"])
def test_a_secret_with_a_number_before_a_quote_is_hidden_whole(name: str, secret: str) -> None:
    cleaned = Redactor([secret]).clean(f"x {WRITERS[name](secret)} y")

    assert "***" in cleaned
    assert shown(cleaned) <= len("x ") + len(json.dumps(json.dumps('"'))), cleaned


BEFORE = st.sampled_from(["", "token=", "x: ", "Bearer ", "2026-11-25 12:03:41.118 "])


@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=10)
@given(secret=VALUES, before=BEFORE)
def test_a_secret_is_hidden_in_lists_of_numbers(name: str, secret: str, before: str) -> None:
    check_list(name, secret, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=100)
@given(secret=VALUES, before=BEFORE)
def test_each_of_many_secrets_is_hidden_in_lists_of_numbers(name: str, secret: str, before: str) -> None:
    check_list(name, secret, before)


def check_list(name: str, secret: str, before: str) -> None:
    written = LISTS[name](secret)

    cleaned = Redactor([secret]).clean(f"{before}{written} and more")

    assert "***" in cleaned
    assert shown(cleaned) <= len(before) + len('{"type": "Buffer", "data": [') + 4, cleaned


@pytest.mark.parametrize("around", ["16#{:x}", "16#{:x}# ", "h'{:x}'", "<<{:d}:8>>", "int8_t({:d}), ", "[byte]{:d}"])
def test_a_secret_is_hidden_in_numbers_that_have_digits_or_letters_around_them(around: str) -> None:
    written = "".join(f"{around.format(byte)}, " for byte in b"Tr0ub4dor&3-horse-battery")

    cleaned = Redactor(["Tr0ub4dor&3-horse-battery"]).clean(f"k = {written}")

    assert "***" in cleaned
    assert shown(cleaned) <= len("k = int8_t(")


@pytest.mark.parametrize("number", ["{:d}u8", "0x{:x}u8", "{:d}L", "{:d}_i32"])
def test_a_secret_is_hidden_in_numbers_with_letters_after_them_and_only_blanks_between(number: str) -> None:
    written = " ".join(number.format(byte) for byte in b"Tr0ub4dor&3-horse-battery")

    cleaned = Redactor(["Tr0ub4dor&3-horse-battery"]).clean(f"k = [{written}]")

    assert "***" in cleaned
    assert shown(cleaned) <= len("k = [0x")


@pytest.mark.parametrize("name", LISTS)
def test_a_secret_is_hidden_in_a_chunked_list_of_numbers(name: str) -> None:
    secret = "Tr0ub4dor&3-horse-battery"
    written = LISTS[name](secret)
    whole = Redactor([secret]).clean(f"a {written} b\n")
    number = max(len("0x7254, "), len(written) // len(secret) + 2)  # characters

    for size in (1, 2, 5, 16):
        stream, cleaned = Redactor([secret]).stream(), ""
        for at in range(0, len(written) + 5, size):
            cleaned += stream.feed(f"a {written} b\n"[at : at + size])
        cleaned += stream.end()

        assert len(cleaned) <= len(whole) + 2 * number, (size, cleaned)  # two numbers could be those of anything


@pytest.mark.parametrize(
    "text",
    [
        "at 2026-11-25 12:03:41.118 from 10.12.14.16:18 to 803468b6-b610-a9f7-f927-0f4eb8b333a8",
        "de:ad:be:ef:00:11 is up, sizes 10, 20, 30, 40, 50, 60 of [1 2 3 4 5 6 7 8], 300, 301, 302, 303, 304, 305, 306",
        "be ad de ed fa ce added faced decade 12 34 56 78 90",
        "p50 12ms p90 13ms 14ms 15ms 16ms 17ms 18ms, 1x 2x 3x 4x 5x 6x, 100u8 117u8 116u8 104u8 111u8 114u8",
    ],
)
def test_other_lists_of_numbers_are_unchanged(text: str) -> None:
    redactor = Redactor(["Tr0ub4dor&3-horse-battery", "correct horse"])

    assert redactor.clean(text) is text


@pytest.mark.parametrize("before", ["%", "\\", "x%", "=\\"])
@pytest.mark.parametrize("secret", ["i\x8000ࠀ𐀀", "correct horse battery", "x-1:Tr0ub4dor&3", "\x9d\xefabcdefgh"])
def test_encoded_text_after_the_beginning_of_an_escape_is_hidden(before: str, secret: str) -> None:
    written = base64.b64encode(secret.encode()).decode()

    assert Redactor([secret]).clean(before + written).startswith(f"{before}***")


@pytest.mark.parametrize(("inner", "outer"), [*product(ENCODERS, ENCODERS)])
def test_a_secret_is_hidden_in_nested_encodings(inner: str, outer: str) -> None:
    secret = "pa'ss\"w<o>r&d:9/=+é-Tr0ub4dor"

    cleaned = Redactor([secret]).clean(ENCODERS[outer](ENCODERS[inner](secret)))

    assert "***" in cleaned
    assert shown(cleaned) <= 24, cleaned


@pytest.mark.slow
@pytest.mark.parametrize("width", [48, 60, 64, 72, 76, 80, 100, 120])
@pytest.mark.parametrize("around", ["", "k: ", '{"key": '])
def test_a_key_in_wrapped_base64_is_hidden_at_any_width(width: int, around: str) -> None:
    content = f"{around}{json.dumps(PEM) if around.startswith('{') else PEM}"
    lines = wrap(base64.b64encode(content.encode()).decode(), width)

    cleaned = [Redactor([PEM]).clean(line) for line in lines]

    assert max(map(shown, cleaned[1:-1])) <= 16, cleaned
    assert sum(map(len, cleaned)) < len(PEM) / 3


@given(start=st.integers(0, len(TOKEN) - 64), size=st.integers(64, 300))
def test_any_cut_of_a_long_value_is_hidden(start: int, size: int) -> None:
    cut = TOKEN[start : start + size]

    cleaned = Redactor([TOKEN]).clean(f"token:{cut}...")

    assert cleaned == "token:***..."


def test_a_key_is_hidden_on_one_line_and_wrapped_anew() -> None:
    redactor = Redactor([PEM])

    cleaned = [redactor.clean(PEM.replace("\n", "")), *(redactor.clean(line) for line in wrap(TOKEN, 76)[:-1])]

    assert max(map(shown, cleaned)) == 0


@pytest.mark.parametrize(
    ("value", "password"),
    [
        ("postgres://shop:s3cr%2Fet-p4ss@db/shop", "s3cr/et-p4ss"),
        ("postgres://shop:s3cr%2Fet-p4ss@db/shop", "s3cr%2Fet-p4ss"),
        ("shop:s3cr3t-p4ss@tcp(db:3306)/shop", "s3cr3t-p4ss"),
        ("Server=db;User Id=shop;Password=s3cr3t-p4ss;", "s3cr3t-p4ss"),
        ("jdbc:postgresql://db/shop?user=shop&password=s3cr3t-p4ss", "s3cr3t-p4ss"),
    ],
)
def test_the_password_in_a_connection_string_is_hidden_as_drivers_write_it(value: str, password: str) -> None:
    cleaned = Redactor([value]).clean(f"password authentication failed for shop with {password}")

    assert cleaned == "password authentication failed for shop with ***"


def test_common_words_of_a_secret_file_are_not_hidden_elsewhere() -> None:
    account = {"type": "service_account", "auth_uri": "https://accounts.google.com/o/oauth2/auth", "private_key": PEM}
    redactor = Redactor([json.dumps(account, indent=2)])
    line = "GET https://accounts.google.com/o/oauth2/auth?client_id=42 as service_account, -----BEGIN PRIVATE KEY-----"

    assert redactor.clean(line) == line


@pytest.mark.slow
@pytest.mark.parametrize(
    "value", ["aaaaaaaa:" * 7000, "a" * 65000, "=" * 65000, "%25" * 20000, "\\" * 60000, "&amp;" * 12000]
)
def test_no_value_and_no_line_takes_time_beyond_its_length(value: str) -> None:
    redactor = Redactor([value, "correct-horse-battery"])

    cleaned = redactor.clean(f"{value[: len(value) // 2]} correct-horse-battery")

    assert cleaned.endswith("***")


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
@given(secret=SECRETS, before=AROUND, after=AROUND)
def test_a_secret_is_hidden_however_it_is_written(name: str, secret: str, before: str, after: str) -> None:
    written = WRITERS[name](secret)

    cleaned = Redactor([secret]).clean(f"{before}{written}{after}")

    assert written.strip("'\"") not in cleaned


@given(secret=SECRETS, before=st.binary(max_size=7), after=st.binary(max_size=7), is_url_safe=st.booleans())
def test_a_secret_inside_a_longer_encoded_text_is_hidden_wherever_it_begins(
    secret: str, before: bytes, after: bytes, is_url_safe: bool
) -> None:
    encode = base64.urlsafe_b64encode if is_url_safe else base64.b64encode
    encoded = encode(before + secret.encode() + after).decode()
    first, last = -(-8 * len(before) // 6), 8 * (len(before) + len(secret.encode())) // 6

    cleaned = Redactor([secret]).clean(encoded)

    assert encoded[first:last] not in cleaned
    assert len(cleaned) <= first + len("***") + len(encoded) - last


HAS_AN_ESCAPE = "½1\U0006f00000ࠀ"  # in base64 it is "wr0x8a+AgDAw4KCA", with "0x8a" in it


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("around", ["{}", "key={} ", "%{}", "a\\n {}, 0x41"])
def test_encoded_text_with_an_escape_in_it_is_hidden(encode: Callable[[bytes], bytes], around: str) -> None:
    encoded = encode(HAS_AN_ESCAPE.encode()).decode()

    assert encoded[1:] not in Redactor([HAS_AN_ESCAPE]).clean(around.format(encoded))


@pytest.mark.parametrize("cut", range(8, 16))
def test_encoded_text_with_an_escape_in_it_is_hidden_in_a_stream(cut: int) -> None:
    encoded = base64.b64encode(HAS_AN_ESCAPE.encode()).decode()
    stream = Redactor([HAS_AN_ESCAPE]).stream()

    cleaned = stream.feed(f"key {encoded[:cut]}") + stream.feed(f"{encoded[cut:]} end\n") + stream.end()

    assert cleaned == "key *** end\n"


def test_each_line_of_a_secret_of_several_lines_is_hidden() -> None:
    redactor = Redactor(["-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n"])

    lines = [redactor.clean(line) for line in ("-----BEGIN KEY-----", "> MIIEvQIBADAN", "BgkqhkiG9w0B\r")]

    assert lines == ["-----BEGIN KEY-----", "> ***", "***\r"]


def test_the_password_in_a_secret_url_is_hidden_alone() -> None:
    redactor = Redactor(["postgres://shop:pa55w0rd@db.internal/shop"])

    cleaned = redactor.clean('connection to "db.internal" failed for user shop with pa55w0rd')

    assert cleaned == 'connection to "db.internal" failed for user shop with ***'


@pytest.mark.parametrize("text", ["GET /health 200", "https://db.internal/shop", "postgres://shop@db.internal"])
def test_text_that_only_resembles_a_secret_is_unchanged(text: str) -> None:
    redactor = Redactor(["postgres://shop:pa55w0rd@db.internal/shop", "/health/200", "https://db.internal/shopping"])

    cleaned = redactor.clean(text)

    assert cleaned == text


def test_encoded_lines_of_a_long_secret_are_hidden_one_by_one() -> None:
    secret = "".join(f"{number:04}" for number in range(60))
    encoded = base64.b64encode(secret.encode()).decode()
    lines = [encoded[at : at + 76] for at in range(0, len(encoded), 76)]

    cleaned = [Redactor([secret]).clean(line) for line in lines]

    assert cleaned == ["***"] * len(lines)


def test_a_long_secret_that_was_cut_short_is_hidden_to_the_cut() -> None:
    secret = "".join(f"{number:04}" for number in range(100))
    redactor = Redactor([secret])

    cleaned = redactor.clean(f"error: {secret[:150]}…")

    assert cleaned == "error: ***…"


@pytest.mark.parametrize("value", ["", "x", "12345", " 12345 ", "ab\ncd\nef\ngh", "\n\n\n\n\n\n"])
def test_a_value_that_is_too_short_to_be_found_is_refused_with_the_reason(value: str) -> None:
    refusal = refusal_of(value)

    assert refusal is not None
    assert "at least 6 characters" in refusal


@pytest.mark.parametrize("value", ["hunter2", "123456", "ab\nlong enough\ncd"])
def test_a_value_long_enough_to_be_found_is_accepted(value: str) -> None:
    refusal = refusal_of(value)

    assert refusal is None


@given(secret=SECRETS)
def test_no_form_is_so_short_that_common_words_would_be_hidden(secret: str) -> None:
    texts = {needle.text for needle in needles_of(secret)}

    assert min(map(len, texts)) >= 6
