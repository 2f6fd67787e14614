"""The note about different versions of client and server, printed once for each pair."""

from collections.abc import Mapping

from pvdify import __version__
from pvdify.cli.io import Io
from pvdify.cli.tables import printable


def report(version: str, url: str, environ: Mapping[str, str], io: Io) -> None:
    """Print that the server has another version than this program, unless it was printed before."""
    from contextlib import suppress

    from pvdify.client.saved_login import cache_folder, write_private

    file, pair = cache_folder(environ) / "versions", f"{url} {version} {__version__}"
    try:
        said = file.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        said = []
    if pair in said:
        return
    older = "`pvdify server upgrade` on the server" if _parts(version) < _parts(__version__) else "upgrade this program"
    io.say(
        f"note: {url} runs pvdify {printable(version)}, and this is {__version__}\n"
        f"  why:  what only the newer one has does not work\n  next: {older}"
    )
    with suppress(OSError):
        write_private(file, "\n".join([*(line for line in said if not line.startswith(f"{url} ")), pair]) + "\n")


def _parts(version: str) -> tuple[int, ...]:
    from re import findall

    return tuple(int(number) for number in findall(r"\d+", version))
