"""Which login is used for a registry: the app's own, then the shared one, and never another app's."""

from datetime import UTC, datetime
from pathlib import Path

from pvdify.adapters.podman.images.registry_logins import AuthFile
from pvdify.model.instance import Secret
from pvdify.model.registry import RegistryLogin


def login(host: str, username: str, app: str | None = None) -> RegistryLogin:
    return RegistryLogin(
        host=host, username=username, password=Secret("p"), app=app, created_at=datetime(2026, 1, 1, tzinfo=UTC),
        created_by="admin",
    )  # fmt: skip


def test_an_app_uses_its_own_login_then_its_parents_then_the_shared_one(tmp_path: Path):
    file = AuthFile(tmp_path / "auth.json")
    file.write([login("ghcr.io", "all"), login("ghcr.io", "shops", "shop"), login("quay.io", "blogs", "blog")])

    assert file.username("ghcr.io", ("shop",)) == "shops"
    assert file.username("ghcr.io", ("shop-pr-7", "shop")) == "shops"
    assert file.username("ghcr.io", ("blog",)) == "all"
    assert file.username("ghcr.io") == "all"
    assert file.username("quay.io", ("shop",)) is None
    assert file.for_host("quay.io", ("shop",)) is None
    assert file.for_host("quay.io", ("blog",)) == tmp_path / "app-blog.json"


def test_a_removed_login_leaves_no_file(tmp_path: Path):
    file = AuthFile(tmp_path / "auth.json")
    file.write([login("ghcr.io", "all"), login("ghcr.io", "shops", "shop")])

    file.write([login("ghcr.io", "blogs", "blog")])

    assert sorted(path.name for path in tmp_path.iterdir()) == ["app-blog.json"]
    assert (tmp_path / "app-blog.json").stat().st_mode & 0o777 == 0o600
