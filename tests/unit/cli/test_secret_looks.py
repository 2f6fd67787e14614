"""Config vars that look like secrets."""

import pytest

from pvdify.cli.secret_looks import why_secret
from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://u:hunter2@db/x"), ("REDIS_URL", "redis://:hunter2@cache:6379/0"),
        ("STRIPE_KEY", "x1"), ("SECRET_KEY_BASE", "abc"), ("API_TOKEN", "abc"), ("DB_PASSWORD", "abc"), ("KEY", "abc"),
        ("smtp_password", "abc"), ("WHATEVER", "ghp_" + "a" * 36), ("PEM", "-----BEGIN RSA PRIVATE KEY-----\nMII"),
    ],
)  # fmt: skip
def test_values_that_look_like_secrets(name: str, value: str) -> None:
    assert why_secret(name, value) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://db/x"), ("DATABASE_URL", "postgres://user@db/x"), ("STRIPE_PUBLIC_KEY", "pk"),
        ("CACHE_KEY", "v1"), ("TOKEN_LIFETIME", "60"), ("KEYBOARD", "qwerty"), ("MONKEY", "1"), ("API_TOKEN", ""),
        ("LOG_LEVEL", "info"), ("BASE", "x"), ("TIME", "a://b:c"),
    ],
)  # fmt: skip
def test_values_that_do_not_look_like_secrets(name: str, value: str) -> None:
    assert why_secret(name, value) is None


def test_a_secret_set_in_plain_gets_a_hint_without_its_value(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("shop")

    ran = pvdify("config:set", "shop", "DATABASE_URL=postgres://u:hunter2@db/x", "LANG=en")

    assert ran.code == 0
    assert ran.stderr.endswith(
        "DATABASE_URL looks like a secret (its URL has a password), but `pvdify config` shows it\n"
        "  next: pvdify config:set shop --secret DATABASE_URL=-    # with the value on stdin; --plain if it is none\n"
    )
    assert "hunter2" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("how", ["--secret", "--plain"])
def test_an_explicit_choice_gets_no_hint(pvdify: Pvdify, api: FakeApi, how: str) -> None:
    api.add_app("shop")

    assert "looks like" not in pvdify("config:set", "shop", how, "API_TOKEN=abcdef").stderr


def test_an_env_file_gets_the_same_hint(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("shop")
    (pvdify.folder / ".env").write_text("API_TOKEN=abcdef\nLANG=en\n")

    assert pvdify("config:import", "shop", ".env").stderr.count("looks like a secret") == 1
    assert "looks like" not in pvdify("config:import", "shop", "--secret", ".env").stderr
