"""Requests about config vars, and about the recipients of the files they are stored in."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.encode import request_body
from pvdify.client.session import Question
from pvdify.wire.answers import (
    Config,
    ConfigFile,
    ConfigVar,
    ConfigVersion,
    CopiedConfig,
    ImportedConfig,
    Recipient,
    Reencrypted,
)
from pvdify.wire.requests import AddRecipient, CopyConfig, ImportConfig, RevealConfig, RollBackConfig


class ConfigCalls(Asking):
    """Requests about config vars and the recipients of their files."""

    def config(self, app: str) -> Config:
        """Return the newest config; secrets have no values."""
        return self._config(Question(path=app_path(app, "config")))

    def change_config(self, app: str, changes: Mapping[str, object]) -> Config:
        """Create a config version. A name with a value is set; a name with None is unset."""
        lost, check = f"the config of {app} may or may not have changed", f"`pvdify config:history {app}` shows it"
        question = Question(method="PATCH", path=app_path(app, "config"), body=dict(changes), lost=lost, check=check)
        return self._config(question)

    def reveal_config(self, app: str, key: str) -> str:
        """Return the value of a config var, secret or not. The server records who read it."""
        body = request_body(RevealConfig(keys=[key]))
        lost, check = "the server may or may not have noted that you asked", "ask again"
        path = app_path(app, "config", "reveal")
        answer = self._session.ask(Question(method="POST", path=path, body=body, lost=lost, check=check))
        return str(self._object(answer)[key])

    def config_file(self, app: str) -> ConfigFile:
        """Return the newest config version as a SOPS file."""
        return self._session.ask_for(ConfigFile, Question(path=app_path(app, "config", "file")))

    def import_config(self, app: str, file: ImportConfig) -> ImportedConfig:
        """Replace the app's config by the content of a SOPS file."""
        lost, check = f"the config of {app} may or may not have changed", f"`pvdify config:history {app}` shows it"
        path = app_path(app, "config", "import")
        question = Question(method="POST", path=path, body=request_body(file), lost=lost, check=check)
        return self._session.ask_for(ImportedConfig, question)

    def roll_back_config(self, app: str, version: int | None) -> ImportedConfig:
        """Create a config version that repeats an older one; None repeats the one before the newest."""
        lost, check = f"the config of {app} may or may not have changed", f"`pvdify config:history {app}` shows it"
        path, body = app_path(app, "config", "rollback"), request_body(RollBackConfig(version=version))
        question = Question(method="POST", path=path, body=body, lost=lost, check=check)
        return self._session.ask_for(ImportedConfig, question)

    def copy_config(self, app: str, wanted: CopyConfig) -> CopiedConfig:
        """Copy config vars from another app to this one."""
        lost, check = f"the config of {app} may or may not have changed", f"`pvdify config:history {app}` shows it"
        path = app_path(app, "config", "copy")
        question = Question(method="POST", path=path, body=request_body(wanted), lost=lost, check=check)
        return self._session.ask_for(CopiedConfig, question)

    def config_versions(self, app: str) -> list[ConfigVersion]:
        """List the config versions: author, time and names of the changed config vars."""
        return self._list(ConfigVersion, "versions", Question(path=app_path(app, "config", "versions")))

    def recipients(self) -> list[Recipient]:
        """List the recipients, whose keys decrypt the config files."""
        return self._list(Recipient, "recipients", Question(path="/secrets/recipients"))

    def add_recipient(self, name: str, key: str) -> Reencrypted:
        """Add a recipient and encrypt all config files again."""
        body = request_body(AddRecipient(name=name, key=key))
        return self._reencrypt("POST", "/secrets/recipients", body)

    def remove_recipient(self, name: str) -> Reencrypted:
        """Remove a recipient and encrypt all config files again."""
        return self._reencrypt("DELETE", f"/secrets/recipients/{quote(name, safe='')}")

    def rotate_secrets(self) -> Reencrypted:
        """Replace the server's key and encrypt all config files again."""
        return self._reencrypt("POST", "/secrets/rotate", {})

    def _reencrypt(self, method: str, path: str, body: dict[str, Any] | None = None) -> Reencrypted:
        lost, check = "the config files may or may not be encrypted anew", "`pvdify secrets` shows for whom they are"
        return self._session.ask_for(Reencrypted, Question(method=method, path=path, body=body, lost=lost, check=check))

    def _config(self, question: Question) -> Config:
        answer = self._session.ask(question)
        live = answer.headers.get("x-live-config-version", "")
        return Config(
            version=int(answer.headers.get("x-config-version", "0")),
            live_version=int(live) if live else None,
            vars={key: self._config_var(shown) for key, shown in self._object(answer).items()},
        )

    def _config_var(self, shown: object) -> ConfigVar:
        return ConfigVar(value=shown) if isinstance(shown, str) else self._session.understand(ConfigVar, shown)
