"""Arguments of the form ``[APP] VALUE...``: finding the app, and naming the argument that is missing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pvdify.cli import app_name
from pvdify.cli.io import Surroundings
from pvdify.cli.misuse import Misuse
from pvdify.errors import DeniedError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from pvdify.client.api import Client


def split(
    words: Sequence[str], option: str | None, surroundings: Surroundings, *, command: str, values: str
) -> tuple[str, tuple[str, ...]]:
    """Return the app and the values. ``values``: their names as in the usage line, such as ``KEY`` or ``A B``.

    Raises Misuse if arguments are missing or left over, InvalidError if no app is known.
    """
    names = values.split()
    usage = f"pvdify {command} APP {values}"
    most = len(names) + 1
    if len(words) > most:
        raise Misuse(f'"{words[most]}" is one word too many', next=usage)
    if len(words) > len(names):
        return app_name.resolve(words[0], option, surroundings), tuple(words[1:])
    has_app = len(words) < len(names) and bool(words) and option is None and app_name.looks_like_one(words[0])
    if len(words) < len(names):
        raise _missing(names[max(0, len(words) - has_app)], words[0] if has_app else None, usage)
    try:
        return app_name.resolve(None, option, surroundings), tuple(words)
    except InvalidError:
        if app_name.looks_like_one(words[0]):
            raise _missing(names[-1], words[0], usage) from None
        raise


def exists(app: str, client: "Client") -> bool:
    """Return whether the server has an app of this name that the token may see."""
    try:
        client.app(app)
    except (NotFoundError, DeniedError, InvalidError):
        return False
    return True


def _missing(name: str, app: str | None, usage: str) -> Misuse:
    taken = f": {app} is taken for the app" if app else ""
    return Misuse(f"{name} is missing{taken}", next=usage.replace(" APP ", f" {app} ") if app else usage)
