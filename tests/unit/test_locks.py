"""A server is installed from locked packages: the versions that are tested, each with its hashes."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import dist

LOCKS = Path(__file__).parents[2] / "requirements"


def locked(name: str) -> dict[str, str]:
    """The versions; each line that pins has a hash after it."""
    text = (LOCKS / f"{name}.txt").read_text()
    pins = re.findall(r"^([\w.-]+)(?:\[\S+\])?==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(pins) == len(re.findall("==", text))
    return {canonicalize_name(package): version for package, version in pins}


def extras(name: str) -> dict[str, set[str]]:
    """The extras that the lock names, by package."""
    text = (LOCKS / f"{name}.txt").read_text()
    return {
        canonicalize_name(package): set(named.split(","))
        for package, named in re.findall(r"^(.+)\[(.+)\]==", text, re.M)
    }


def needed(package: str, found: set[str]) -> set[str]:
    """Return the dependencies of a package without extras on this machine, recursively."""
    for text in metadata.requires(package) or ():
        wanted = Requirement(text)
        name = canonicalize_name(wanted.name)
        if name not in found and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            found |= needed(name, found | {name})
    return found


def installed_requires(package: str) -> list[str]:
    """What a package asks for; nothing if it is not for this Python."""
    try:
        return metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return []


def test_a_server_gets_everything_it_needs_in_the_versions_that_are_tested() -> None:
    server, dev = locked("server"), locked("dev")

    assert needed("pvdify", set()) <= set(server)
    assert {name: version for name, version in server.items() if dev.get(name) != version} == {}


def test_a_lock_names_each_extra_that_a_package_asks_for() -> None:
    """pip checks the hashes of such a package only if the lock names its extras, and fails once a newer one is out."""
    for name in ("server", "dev"):
        asked: dict[str, set[str]] = {}
        for package in locked(name):
            for text in installed_requires(package):
                wanted = Requirement(text)
                if wanted.extras and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                    asked.setdefault(canonicalize_name(wanted.name), set()).update(wanted.extras)

        assert {
            package: named for package, named in asked.items() if not named <= extras(name).get(package, set())
        } == {}


def test_no_lock_names_a_package_index() -> None:
    for file in LOCKS.iterdir():
        assert "://" not in file.read_text()


def test_the_wheel_is_pinned_by_its_own_hash(tmp_path: Path) -> None:
    wheel = tmp_path / "pvdify-1.2.3-py3-none-any.whl"
    wheel.write_bytes(b"wheel")

    *packages, last = dist.requirements(wheel).splitlines()

    assert last.startswith(f"./{wheel.name} --hash=sha256:")
    assert len(last.rpartition(":")[2]) == 64
    assert any(line.startswith("click==") for line in packages)
