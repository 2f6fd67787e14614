"""Apps and the hostnames they answer to."""

from typing import Any

from tests.fakes.api_parts.request import AT, Asked, Refused


class Apps:
    """Apps and the hostnames they answer to."""

    def __init__(self) -> None:
        super().__init__()
        self.apps: dict[str, dict[str, Any]] = {}
        self.grants: dict[tuple[str, str], dict[str, Any]] = {}
        self.releases: dict[str, list[dict[str, Any]]] = {}

    def add_app(self, name: str, **more: Any) -> dict[str, Any]:
        self.apps[name] = {
            "name": name, "environment": "production", "status": "new", "status_cause": "",
            "status_since": AT, "image": None, "release": None,
            "url": f"https://{name}.pvdify.win", "processes": {}, "resources": {}, "healthcheck": {}, "domains": [],
            "created_at": AT, "updated_at": AT,
        } | more  # fmt: skip
        self.releases[name] = []
        return self.apps[name]

    def find_app(self, app: str) -> dict[str, Any]:
        if app not in self.apps:
            raise Refused(404, "app-not-found", f"there is no app {app}", next="pvdify apps")
        return self.apps[app]

    def change_app(self, asked: Asked, name: str) -> Any:
        app = self.find_app(name)
        app["status"] = "maintenance" if asked.body["maintenance"] else "live"
        return app

    def rename_app(self, asked: Asked, name: str) -> dict[str, Any]:
        app, new = self.find_app(name), asked.body["name"]
        del self.apps[name]
        kept = [f"{name}.pvdify.win"] if asked.body["keep_hostname"] else []
        domains = [f"{new}.pvdify.win", *kept]
        self.apps[new] = app | {"name": new, "url": f"https://{new}.pvdify.win", "domains": domains}
        self.releases[new] = self.releases.pop(name)
        return self.apps[new]

    def destroy(self, asked: Asked, app: str) -> dict[str, Any]:
        self.find_app(app)
        if asked.query.get("confirm") != app:
            raise Refused(422, "invalid-request", "confirm repeats the name")
        del self.apps[app]
        kept = 0.0 if asked.query.get("purge") else 2 * 86400.0
        return {"name": app, "status": "destroying", "trash_seconds": kept}

    def add_domain(self, asked: Asked, app: str) -> dict[str, Any]:
        hostname = asked.body["hostname"]
        if hostname.startswith("*"):
            raise Refused(422, "invalid-hostname", f'{app} cannot answer to "{hostname}"', why="a wildcard")
        if hostname not in self.find_app(app)["domains"]:
            self.find_app(app)["domains"].append(hostname)
        return self.domain(hostname, "added")

    def add_grant(self, asked: Asked, app: str) -> dict[str, Any]:
        hostname = asked.body["hostname"]
        self.grants[app, hostname] = {"app": app, "hostname": hostname, "created_at": AT, "created_by": "admin"}
        return self.grants[app, hostname]

    def remove_grant(self, asked: Asked, app: str, hostname: str) -> None:
        if self.grants.pop((app, hostname), None) is None:
            raise Refused(404, "domain-not-found", f"{hostname} is not granted to {app}")

    def remove_domain(self, asked: Asked, app: str, hostname: str) -> None:
        if hostname not in self.find_app(app)["domains"]:
            raise Refused(404, "domain-not-found", f"{app} does not answer to {hostname}")
        self.apps[app]["domains"].remove(hostname)

    def domain(self, hostname: str, origin: str) -> dict[str, Any]:
        readable = {"xn--bcher-kva.example": "bücher.example"}.get(hostname, hostname)
        return {"hostname": hostname, "readable": readable, "origin": origin, "url": f"https://{hostname}"}
