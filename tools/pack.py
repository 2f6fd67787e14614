"""Packs the command line into one file that any Python from 3.10 on runs: python3 tools/pack.py FILE

Into it go the layers that the command line is made of, and the pure Python of its dependencies with their licences,
in the versions of requirements/dev.txt: from the Python that runs this when it has them, else from the package index,
checked by their hashes. The same sources give the same bytes. Needs the standard library alone.
"""

import importlib.metadata
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SOURCES = CHECKOUT / "src"
LOCK = CHECKOUT / "requirements" / "dev.txt"
LAYERS = ("__init__.py", "errors", "cli", "client", "wire", "manifest", "quantities.py")
DEPENDENCIES = {"click": "click", "python-dotenv": "dotenv", "pyyaml": "yaml"}
# Any Python 3 can read this, and say what it lacks.
STARTER = """\
import sys

if sys.version_info < (3, 10):
    sys.exit(
        "error: extension-broken\\n  gh pvdify cannot start\\n  why:  this is Python %d.%d\\n"
        "  next: install Python 3.10 or newer as python3" % sys.version_info[:2]
    )

# Nothing in this file is compiled beforehand: what is not imported costs nothing.
if sys.argv[1:] == ["--version"]:
    from pvdify.cli.main import main
else:
    from pvdify.cli.extension import main

sys.exit(main())
"""
BORN = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say


def main() -> None:
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as downloads:
        content = {"__main__.py": STARTER.encode(), **dict(_own()), **dict(_dependencies(Path(downloads)))}
    fresh = target.with_name(f".{target.name}.new")
    _write(fresh, content)
    fresh.replace(target)
    print(f"packed {target.name}: {len(content)} files, {target.stat().st_size // 1024} KiB")


def _own() -> Iterator[tuple[str, bytes]]:
    for layer in LAYERS:
        place = SOURCES / "pvdify" / layer
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            yield str(file.relative_to(SOURCES)), file.read_bytes()


def _dependencies(downloads: Path) -> Iterator[tuple[str, bytes]]:
    requirements = {name: _requirement(name) for name in DEPENDENCIES}
    found = [importlib.metadata.distribution(name) for name in requirements if _is_here(name, requirements[name])]
    if len(found) < len(requirements):
        _download(downloads, "\n".join(requirements.values()))
        found = list(importlib.metadata.distributions(path=[str(downloads)]))
    for distribution in found:
        name = distribution.metadata["Name"].lower()
        for file in distribution.files or ():
            if file.parts[0] == DEPENDENCIES[name] and file.suffix == ".py":
                yield str(file), file.read_binary()
            elif file.name.upper().startswith("LICENSE"):
                yield f"licences/{name}.txt", file.read_binary()


def _requirement(name: str) -> str:
    """The package's lines in the lock file: version and hashes."""
    match = re.search(
        rf"^{name}(?:\[.*\])?==.*(?:\n    --hash=.*)+", LOCK.read_text("utf-8"), re.MULTILINE | re.IGNORECASE
    )
    if match is None:
        sys.exit(f"{LOCK.name} has no {name}")
    return match[0]


def _is_here(name: str, requirement: str) -> bool:
    try:
        return requirement.partition("==")[2].split()[0] == importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False


def _download(place: Path, requirements: str) -> None:
    file = place / "requirements.txt"
    file.write_text(requirements + "\n", "utf-8")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    done = subprocess.run(
        (*pip, "--no-deps", "--require-hashes", "--target", place, "--requirement", file), check=False
    )
    if done.returncode != 0:
        sys.exit(f"pip could not bring {', '.join(DEPENDENCIES)}")


def _write(target: Path, content: dict[str, bytes]) -> None:
    with target.open("wb") as stream:
        stream.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(content.items()):
                entry = zipfile.ZipInfo(name, BORN)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, data)
    target.chmod(0o755)


if __name__ == "__main__":
    main()
