"""Usage errors that suggest another command line."""

import click


class Misuse(click.UsageError):
    """A usage error. ``next``: the command line, or the place in the docs, that helps."""

    def __init__(self, message: str, *, next: str, context: click.Context | None = None) -> None:
        super().__init__(message, context)
        self.next = next
