"""An apt of one's own: the sources of this machine with source packages, and nothing of its state."""

from collections.abc import Iterator
from pathlib import Path

SYSTEM = Path("/etc/apt")

CONFIGURATION = """\
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/parts";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""


def write_private_apt(folder: Path, system: Path = SYSTEM) -> None:
    """Make ``folder/apt.conf``, which ``APT_CONFIG`` names, with the sources of ``system``."""
    for name in ("state/lists/partial", "cache/archives/partial", "parts"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").touch()
    (folder / "apt.conf").write_text(CONFIGURATION.format(folder=folder), encoding="utf-8")
    for file in _files(system):
        copy = folder / "parts" / file.name
        text = file.read_text(encoding="utf-8")
        copy.write_text(with_sources(text, one_line=file.suffix == ".list"), encoding="utf-8")


def _files(system: Path) -> Iterator[Path]:
    if (system / "sources.list").is_file():
        yield system / "sources.list"
    for pattern in ("*.list", "*.sources"):
        yield from sorted((system / "sources.list.d").glob(pattern))


def with_sources(text: str, *, one_line: bool) -> str:
    """The same archives, with source packages where there were binary packages only."""
    lines = text.splitlines()
    if not one_line:
        return "".join(f"{'Types: deb deb-src' if line.startswith('Types:') else line}\n" for line in lines)
    binary = [line for line in lines if line.split(maxsplit=1)[:1] == ["deb"]]
    return "".join(f"{line}\n{line.replace('deb', 'deb-src', 1)}\n" for line in binary)
