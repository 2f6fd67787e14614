"""Which sign-in provider the settings choose."""

from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.github.sign_in import GithubSignIn
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.openid.provider import OpenidProvider
from pvdify.daemon.bootstrap import build_sign_in_provider
from pvdify.errors import InvalidSetting
from pvdify.settings import Settings, load
from tests.fakes.machine import NEVER


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    file.chmod(0o600)
    return str(file)


def settings(**flags: str) -> Settings:
    return load(flags, {}, NEVER)


def test_each_setting_has_its_provider(secret: str) -> None:
    named = {"sign_in_client_id": "id", "sign_in_client_secret_file": secret}
    web, clock = HttpxWeb(), SystemClock()

    github = build_sign_in_provider(settings(sign_in_with="github", **named), web, clock)
    openid = build_sign_in_provider(settings(sign_in_with="https://id.example.com/", **named), web, clock)

    assert build_sign_in_provider(settings(), web, clock) is None
    assert isinstance(github, GithubSignIn)
    assert isinstance(openid, OpenidProvider)
    assert openid.title == "id.example.com"


def test_an_incomplete_provider_is_refused(secret: str) -> None:
    for flags in ({"sign_in_client_id": "id"}, {"sign_in_client_secret_file": secret}):
        with pytest.raises(InvalidSetting):
            build_sign_in_provider(settings(sign_in_with="github", **flags), HttpxWeb(), SystemClock())


@pytest.mark.parametrize(
    "flags",
    [{"sign_in_with": "google"}, {"sign_in_with": "http://id.example.com"}, {"sign_in_allow": "@"},
     {"sign_in_allow": "ada @example.com"}, {"sign_in_allow": "@example"}, {"sign_in_role": "king"}],
)  # fmt: skip
def test_invalid_provider_settings_are_refused(flags: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting):
        settings(**flags)
