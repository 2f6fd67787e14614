"""Files that would be expensive to read, from any client that may import a config file."""

import pytest

from pvdify.adapters.sops.ciphertext import unseal
from pvdify.adapters.sops.layouts import read_layout
from pvdify.adapters.sops.metadata import parse_metadata
from pvdify.adapters.sops.refusal import SopsRefused

METADATA = {"mac": "ENC", "lastmodified": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("yaml", "a: " + "[" * 30_000, "more than 50 levels"),
        ("yaml", "a: " + "[" * 900 + "]" * 900, "more than 50 levels"),
        ("yaml", "a: [" + "1," * 30_000 + "]", "more than 20,000 values"),
        ("yaml", "a: &a [x]\nb: *a", "it uses YAML aliases"),
        ("yaml", "a: " + "9" * 5_000, "a number that SOPS does not write"),
        ("yaml", "a: 0x__", "a number that SOPS does not write"),
        ("json", '{"a":' + "[" * 100_000, "it is no JSON"),
        ("json", '{"a":' + "[" * 60 + "]" * 60 + "}", "more than 50 levels"),
    ],
)
def test_levels_values_and_numbers_are_bounded(kind: str, text: str, why: str):
    with pytest.raises(SopsRefused, match=why):
        read_layout(text, kind)


@pytest.mark.parametrize("regex", ["^(a+)+$", "^(a|a)*$", "(.*)(.*)(.*)(.*)x", r"(a+)\1", "a" * 300])
def test_an_expression_with_exponential_cost_is_refused(regex: str):
    with pytest.raises(SopsRefused, match="longer, or repeats more"):
        parse_metadata({**METADATA, "encrypted_regex": regex})


@pytest.mark.parametrize("regex", ["^(data|stringData)$", "password|.*_secret$", "^[A-Z_]+$", "(?i)token"])
def test_expressions_that_people_write_are_evaluated(regex: str):
    assert parse_metadata({**METADATA, "encrypted_regex": regex}).selector == ("encrypted_regex", regex)


def test_a_name_too_long_for_an_expression_is_refused_and_not_truncated():
    metadata = parse_metadata({**METADATA, "encrypted_regex": "secret$"})

    with pytest.raises(SopsRefused, match="a name of more than 256 characters"):
        metadata.is_encrypted(("x" * 300 + "secret",))


def test_a_value_that_repeats_the_separators_is_no_encrypted_value():
    with pytest.raises(SopsRefused, match="stands in clear"):
        unseal("ENC[AES256_GCM,data:" + ",iv:x,tag:x,type:x" * 20 + "]", bytes(32), "a:")


def test_an_ini_value_of_many_lines_keeps_them():
    layout = read_layout('[s]\na = """one\ntwo\n\nthree"""\nb = 1\nc = """open\nend', "ini")

    assert layout.branches[0]["s"] == {"a": "one\ntwo\n\nthree", "b": "1", "c": "open\nend\n"}
