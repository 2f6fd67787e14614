"""Parsers for values of options and arguments."""

import re
from typing import Any, get_args

import click

from pvdify.wire.requests import Strategy

strategy_option = click.option(
    "--strategy",
    type=click.Choice(get_args(Strategy)),
    help="stop-first: stop the live release before the new one starts. Default: blue-green, side by side.",
)
_RELEASE = re.compile(r"v?([1-9][0-9]{0,8})")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class WholeNumber(click.IntRange):
    """A whole number in a range, as ``click.IntRange``; a value that is none is refused in words of this program."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number. Raises click.BadParameter."""
        try:
            number: int = super().convert(value, param, ctx)
        except click.BadParameter:
            to = "" if self.max is None else f" to {self.max}"
            self.fail(f'"{value}" is not a whole number from {self.min}{to}', param, ctx)
        return number


def looks_like_release(text: str) -> bool:
    """Return whether this is ``41`` or ``v41``."""
    return _RELEASE.fullmatch(text) is not None


def release_number(text: str) -> int:
    """Return the number in ``41`` or ``v41``. Raises click.BadParameter."""
    found = _RELEASE.fullmatch(text)
    if found is None:
        raise click.BadParameter(f'"{text}" is not the number of a release; write 41 or v41')
    return int(found[1])


release_option = click.option(
    "--release", type=release_number, metavar="N", help="The deploy of this release.  [default: the one in progress]"
)


def moment(text: str) -> str:
    """Return ``10m`` unchanged, or ``2026-11-25T08:00`` with a time zone. Raises click.BadParameter."""
    from datetime import datetime

    if re.fullmatch(r"[1-9][0-9]{0,5}[smhd]", text):
        return text
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f'"{text}" is no moment; write 10m, 2h or 2026-11-25T08:00') from None
    return (given if given.tzinfo is not None else given.astimezone()).isoformat()


def duration(text: str) -> int:
    """Return the seconds in ``90d``, ``12h`` or ``30m``. Raises click.BadParameter."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhdw])", text)
    if found is None:
        raise click.BadParameter(f'"{text}" is not a duration; write 90d, 12h or 30m')
    return int(found[1]) * _UNITS[found[2]]
