"""The parser of all commands; a command's module is imported when the command is used."""

import click

from pvdify import __version__
from pvdify.cli.command import Declared
from pvdify.cli.command_names import COMMANDS, FREE_WORDS, GROUPED, GROUPS, HIDDEN, load

SUMMARY = 60  # characters; a summary of this length fits 80 columns beside the longest name


class Program(click.Group):
    """The group of all commands; each is loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by heading, one line each."""
        width = max(map(len, COMMANDS))
        for heading, group in GROUPED.items():
            with formatter.section(heading):
                for name in group:
                    command = self.get_command(ctx, name)
                    summary = "" if command is None else command.get_short_help_str(SUMMARY)
                    formatter.write(f"{'':{formatter.current_indent}}{name:<{width}}  {summary}\n")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Load and return the command."""
        if cmd_name not in COMMANDS and cmd_name not in HIDDEN:
            return None
        loaded = load(cmd_name)
        found: click.Command = loaded.for_click() if isinstance(loaded, Declared) else loaded
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name. Raises Misuse, which suggests another command line."""
        name, rest = args[0], args[1:]
        group, colon, inner = name.partition(":")
        if name not in COMMANDS and name not in HIDDEN and not name.startswith("-"):
            from pvdify.cli.other_words import WORDS, wrong_word

            if not (colon and group in GROUPS and name not in WORDS):
                raise wrong_word(name, rest, COMMANDS, ctx)
            args = [group, inner, *rest]
        elif rest and not rest[0].startswith("-") and name not in FREE_WORDS:
            from pvdify.cli.other_words import with_space

            if error := with_space(name, rest, COMMANDS, ctx):
                raise error
        return super().resolve_command(ctx, args)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  pvdify deploy myapp --image ghcr.io/org/app:v1.2.3\n\n"
    "`pvdify COMMAND --help` shows a command's options and an example.",
)
@click.version_option(__version__, message="pvdify %(version)s")
def program() -> None:
    """Put a container image live on your own server without losing a request, and take it back."""
