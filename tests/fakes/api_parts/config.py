"""Config vars, and who can open their files."""

from typing import Any

from tests.fakes.api_parts.releases import Releases
from tests.fakes.api_parts.request import AT, Asked, Refused


class ConfigVars(Releases):
    """Config vars, and who can open their files."""

    def __init__(self) -> None:
        super().__init__()
        self.config: dict[str, dict[str, Any]] = {}
        self.hidden: dict[tuple[str, str], str] = {}
        self.imported: list[dict[str, Any]] = []
        self.recipients: list[dict[str, str]] = [{"name": "pvdify", "key": "age1server"}]
        self.versions: dict[str, list[dict[str, Any]]] = {}

    def change_config(self, asked: Asked, app: str) -> dict[str, Any]:
        self.find_app(app)
        config = self.config.setdefault(app, {})
        asked.body.update({key: self.keep(app, key, given) for key, given in asked.body.items()})
        changes = {key: value for key, value in asked.body.items() if value is not None or key in config}
        if not changes:
            return config
        config.update(changes)
        self.config[app] = {key: value for key, value in config.items() if value is not None}
        names = {
            "set": [key for key, value in changes.items() if value is not None],
            "unset": [key for key, value in changes.items() if value is None],
        }
        versions = self.versions.setdefault(app, [])
        versions.insert(0, {"version": len(versions) + 1, "created_at": AT, "created_by": "admin"} | names)
        return self.config[app]

    def keep(self, app: str, key: str, given: Any) -> Any:
        """A value as it will be shown; what is secret is kept apart."""
        secret = given.get("secret", False) if isinstance(given, dict) else (app, key) in self.hidden
        value = given["value"] if isinstance(given, dict) else given
        if value is None or not secret:
            return value
        self.hidden[app, key] = value
        return {"secret": True}

    def roll_back_config(self, asked: Asked, app: str) -> dict[str, Any]:
        newest = self.versions[app][0]["version"]
        if asked.body.get("version") == newest:
            return {"version": newest, "live_version": None, "set": [], "unset": []}
        return {"version": newest + 1, "live_version": None, "set": ["A"], "unset": ["B"]}

    def copy_config(self, asked: Asked, app: str) -> dict[str, Any]:
        self.find_app(app)
        source = self.config.get(asked.body["source"], {})
        wanted = {key: source[key] for key in asked.body["keys"] or sorted(source)}
        left_out = [key for key, shown in wanted.items() if isinstance(shown, dict) and not asked.body["secrets"]]
        changed = {key: it for key, it in wanted.items() if key not in left_out and self.config[app].get(key) != it}
        self.config[app].update(changed)
        return {"version": 3, "live_version": 2, "set": sorted(changed), "left_out": left_out}

    def reveal_config(self, asked: Asked, app: str) -> dict[str, Any]:
        shown = self.config.get(app, {}) | {key: value for (of, key), value in self.hidden.items() if of == app}
        missing = [key for key in asked.body["keys"] if key not in shown]
        if missing:
            raise Refused(404, "config-var-not-found", f"{app} has no config var {missing[0]}")
        return {key: shown[key] for key in asked.body["keys"]}

    def import_config(self, asked: Asked, app: str) -> dict[str, Any]:
        self.find_app(app)
        self.imported.append(asked.body)
        if "damaged" in asked.body["content"]:
            raise Refused(422, "invalid-config-file", "the file was not imported", why="its MAC does not match")
        is_new = "same" not in asked.body["content"]
        return {"version": 7, "live_version": 6, "set": ["A", "B"] if is_new else [], "unset": ["C"] if is_new else []}

    def config_headers(self, app: str) -> dict[str, str]:
        live = next((r["config_version"] for r in self.releases[app] if r["status"] == "active"), None)
        headers = {"X-Config-Version": str(len(self.versions.get(app, [])))}
        return headers if live is None else headers | {"X-Live-Config-Version": str(live)}

    def reencrypt(self) -> dict[str, Any]:
        return {"files": 3, "recipients": self.recipients}

    def add_recipient(self, asked: Asked) -> dict[str, Any]:
        if not asked.body["key"].startswith("age1"):
            raise Refused(422, "invalid-recipient", "the recipients were not changed", why="no key")
        self.recipients.append(asked.body)
        return self.reencrypt()

    def remove_recipient(self, asked: Asked, name: str) -> dict[str, Any]:
        self.recipients = [it for it in self.recipients if it["name"] != name]
        return self.reencrypt()

    def rotate(self, asked: Asked) -> dict[str, Any]:
        self.recipients[0]["key"] = "age1newserver"
        return self.reencrypt()
