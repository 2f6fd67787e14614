"""Encrypted files that pvdify writes: they open, contain the right values, and any change is detected."""

import re
from datetime import UTC, datetime

import pytest
import yaml

from pvdify.adapters.sops.age_keys import make_identity
from pvdify.adapters.sops.document import open_text, seal_text
from pvdify.adapters.sops.refusal import NotARecipient, SopsRefused

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS, ADMIN, STRANGER = make_identity(), make_identity(), make_identity()
VALUES = {"DATABASE_URL": "postgres://u:p@db/app", "EMPTY": "", "MULTI": "a\nb\n", "NUMBER": "0123", "UTF": "ü ☃"}


def sealed(values: dict[str, str] = VALUES) -> str:
    return seal_text(values, [str(OURS.recipient), str(ADMIN.recipient)], NOW)


def test_only_recipients_can_open_an_encrypted_file():
    text = sealed()

    assert open_text(text, "yaml", [OURS]).documents == (VALUES,)
    assert open_text(text, "yaml", [STRANGER, ADMIN]).documents == (VALUES,)
    with pytest.raises(NotARecipient, match=str(OURS.recipient)):
        open_text(text, "yaml", [STRANGER])


def test_the_file_has_the_format_of_sops():
    document = yaml.safe_load(sealed())

    assert list(document) == [*VALUES, "sops"]
    assert document["EMPTY"] == ""
    for name in VALUES.keys() - {"EMPTY"}:
        assert re.fullmatch(r"ENC\[AES256_GCM,data:[^,]+,iv:[^,]+,tag:[^,]+,type:str\]", document[name])
    assert set(document["sops"]) == {"age", "lastmodified", "mac", "unencrypted_suffix", "version"}
    assert document["sops"]["lastmodified"] == "2026-01-01T12:00:00Z"
    assert [it["recipient"] for it in document["sops"]["age"]] == [OURS.recipient, ADMIN.recipient]
    assert all(it["enc"].startswith("-----BEGIN AGE ENCRYPTED FILE-----\n") for it in document["sops"]["age"])


def test_no_value_is_in_the_file():
    text = sealed()

    assert "postgres" not in text
    assert "0123" not in re.sub(r"ENC\[[^]]+\]", "", text)


def test_a_name_that_sops_would_leave_in_clear_is_encrypted():
    values = {"TOKEN_unencrypted": "s3cr3t-value"}

    text = sealed(values)

    assert "s3cr3t-value" not in text
    assert open_text(text, "yaml", [OURS]).documents == (values,)


def test_same_values_sealed_twice_share_no_ciphertext():
    first, second = (yaml.safe_load(sealed()) for _ in range(2))

    assert all(first[name] != second[name] for name in VALUES if VALUES[name])


@pytest.mark.parametrize("name", [name for name in VALUES if VALUES[name]])
def test_a_removed_value_is_detected(name):
    document = yaml.safe_load(sealed())
    del document[name]

    with pytest.raises(SopsRefused, match="MAC does not match"):
        open_text(yaml.safe_dump(document, sort_keys=False), "yaml", [OURS])


def test_an_added_clear_value_is_detected():
    document = yaml.safe_load(sealed()) | {"DATABASE_URL": "postgres://attacker/app"}

    with pytest.raises(SopsRefused, match="DATABASE_URL: stands in clear"):
        open_text(yaml.safe_dump(document, sort_keys=False), "yaml", [OURS])


def test_a_changed_selector_that_admits_a_clear_value_is_detected():
    document = yaml.safe_load(sealed()) | {"DATABASE_URL": "postgres://attacker/app"}
    document["sops"] = document["sops"] | {"unencrypted_suffix": "DATABASE_URL"}

    with pytest.raises(SopsRefused, match="MAC does not match"):
        open_text(yaml.safe_dump(document, sort_keys=False), "yaml", [OURS])


def test_an_older_value_put_back_is_detected():
    older, newer = yaml.safe_load(sealed({"A": "old-value"})), yaml.safe_load(sealed({"A": "new-value"}))

    with pytest.raises(SopsRefused, match="A: was changed"):
        open_text(yaml.safe_dump(newer | {"A": older["A"]}, sort_keys=False), "yaml", [OURS])


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("A: 1\n", "yaml", "it is not encrypted"),
        ("", "yaml", "empty"),
        ("- a\n", "yaml", "no mapping"),
        ("a: &x 1\nb: *x\n", "yaml", "aliases"),
        ("a: 1\na: 2\n", "yaml", "a is in it twice"),
        ("a: [", "yaml", "no YAML"),
        ('{"a": 1, "a": 2}', "json", "a is in it twice"),
        ("[1]", "json", "no JSON object"),
        ("A=1\nB\n", "dotenv", "not NAME=VALUE"),
        ("A=1\n", "dotenv", "it is not encrypted"),
        ("sops:\n  key_groups: [{}]\n", "yaml", "key groups"),
        ("sops:\n  encrypted_comment_regex: x\n  mac: y\n", "yaml", "comments decide"),
        ("sops:\n  lastmodified: x\n", "yaml", "no MAC"),
        ("sops: {mac: x, lastmodified: x, encrypted_regex: a, encrypted_suffix: b}\n", "yaml", "SOPS allows one"),
        ("sops: {mac: x, lastmodified: x, encrypted_regex: '('}\n", "yaml", "no regular expression"),
    ],
)
def test_file_that_cannot_be_trusted_or_understood_is_refused_with_the_reason(text, kind, reason):
    with pytest.raises(SopsRefused, match=reason):
        open_text(text, kind, [OURS])
