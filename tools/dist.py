"""Makes what a server is installed from: python3 tools/dist.py DIRECTORY

A wheel, and requirements.txt beside it: each package with its version and hashes, and the wheel with its own. So
``pip install --require-hashes --requirement requirements.txt`` in that directory installs what was tested, or nothing.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK = CHECKOUT / "requirements" / "server.txt"


def main() -> None:
    wheel = make(Path(sys.argv[1]))
    print(f"made {wheel} and {wheel.with_name('requirements.txt')}")


def make(directory: Path) -> Path:
    """Build the wheel and write its requirements.txt; earlier wheels in the directory go."""
    directory.mkdir(parents=True, exist_ok=True)
    for earlier in directory.glob("pvdify-*.whl"):
        earlier.unlink()
    argv = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(directory), str(CHECKOUT))
    subprocess.run(argv, check=True)
    (wheel,) = directory.glob("pvdify-*.whl")
    (directory / "requirements.txt").write_text(requirements(wheel), encoding="utf-8")
    return wheel


def requirements(wheel: Path) -> str:
    """The lock of a server's packages, and the wheel beside it with its hash."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    packages = LOCK.read_text(encoding="utf-8").partition("\n")[2]
    return f"# Made by tools/dist.py: do not edit.\n{packages}./{wheel.name} --hash=sha256:{digest}\n"


if __name__ == "__main__":
    main()
