"""Usage errors that say what to type instead of where the help is."""

import click


class Misuse(click.UsageError):
    """``next``: the command line, or the place to look, that helps."""

    def __init__(self, message: str, *, next: str, context: click.Context | None = None) -> None:
        super().__init__(message, context)
        self.next = next
