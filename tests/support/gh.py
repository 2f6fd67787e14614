"""The real ``gh`` in a home of its own, with a fake GitHub behind it and the extension's repository to clone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
GH = Path(sys.executable).with_name("gh")


def publish(place: Path) -> Path:
    """The extension's own repository, as a release makes it; where it was made."""
    repository = place / "pvdify" / "gh-pvdify.git"
    shutil.copytree(CHECKOUT / "gh-pvdify", repository, ignore=shutil.ignore_patterns("*.pyz"))
    subprocess.run((sys.executable, CHECKOUT / "tools" / "pack.py", repository / "pvdify.pyz"), check=True)
    git = ("git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.com")
    for arguments in (("init", "--quiet", "-b", "main"), ("add", "--all", "--force"),
                      ("commit", "--quiet", "-m", "Release"), ("tag", "v1.0.0")):  # fmt: skip
        subprocess.run((*git, *arguments), check=True)
    return repository


def environment(home: Path, socket: Path, published: Path | None = None) -> dict[str, str]:
    """For ``gh`` with a new home, where it asks the socket instead of GitHub, and git clones what is here."""
    config = home / "gh"
    config.mkdir(parents=True)
    (config / "config.yml").write_text(f'version: "1"\nhttp_unix_socket: {socket}\n')
    if published is not None:
        base = published.parent.as_uri()
        (home / ".gitconfig").write_text(f'[url "{base}/"]\n\tinsteadOf = https://github.com/pvdify/\n')
    return {
        "PATH": f"{GH.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "GH_CONFIG_DIR": str(config),
        "GH_TELEMETRY": "0",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "GH_NO_EXTENSION_UPDATE_NOTIFIER": "1",
    }
