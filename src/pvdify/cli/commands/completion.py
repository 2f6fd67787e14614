"""``pvdify completion``: completion with the Tab key in bash, zsh and fish."""

from dataclasses import dataclass
from pathlib import Path

import click

from pvdify.cli import completion_scripts
from pvdify.cli.command import local_command
from pvdify.cli.completing import DIVIDER, complete, value_of
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.known_names import KnownNames
from pvdify.cli.misuse import Misuse
from pvdify.errors import InvalidSetting

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify completion``. ``file``: where to write the script; None: print it."""

    shell: str
    file: Path | None


@dataclass(frozen=True, kw_only=True)
class WordOptions:
    """The words of an unfinished command line."""

    words: tuple[str, ...]
    program: click.Group
    surroundings: Surroundings


def run(options: Options, io: Io) -> int:
    """Print the script, or write it to the file that the shell loads. Raises InvalidSetting."""
    script = completion_scripts.SCRIPTS[options.shell]
    if options.file is None:
        io.show(script.rstrip("\n"))
        return DONE
    try:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_text(script, "utf-8")
    except OSError as error:
        raise InvalidSetting(
            f"{options.file} cannot be written", why=str(error),
            next=f"put the output of `pvdify completion {options.shell}` where {options.shell} reads it",
        ) from error  # fmt: skip
    io.show(f"completion for {options.shell} is in {options.file}")
    io.say(completion_scripts.afterwards(options.shell, options.file))
    return DONE


def run_words(options: WordOptions, io: Io) -> int:
    """Print the completions, one per line: the word, a tab, its description."""
    url, server = (value_of(name, options.words) for name in ("--url", "--server"))
    names = KnownNames(options.surroundings.environ, url=url, server=server)
    for it in complete(options.words, options.program, names, options.surroundings):
        line = f"{it.word}\t{it.help}" if it.help else it.word
        io.show("".join(char for char in line if char.isprintable() or char == "\t"))
    return DONE


@local_command(
    "completion", run=run, has_json=False,
    example="pvdify completion bash --install\nsource <(pvdify completion bash)    # for this shell alone",
)  # fmt: skip
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.option("--install", "is_installing", is_flag=True, help="Write the script to the file that the shell loads.")
@click.pass_obj
def completion(surroundings: Surroundings, *, shell: str | None, is_installing: bool) -> Options:
    """Print or install a script for Tab completion.

    It completes commands, options, apps, releases, processes and names of config vars. The server has one second to
    answer; answers are cached for ten seconds, and errors are not shown. SHELL is bash, zsh or fish; default: $SHELL.
    """
    chosen = shell or Path(surroundings.environ.get("SHELL", "")).name
    if chosen not in SHELLS:
        raise Misuse("the shell is missing: bash, zsh or fish", next="pvdify completion bash --install")
    file = completion_scripts.place_of(chosen, surroundings.environ) if is_installing else None
    return Options(shell=chosen, file=file)


class _AnyWords(click.Command):
    """A command that accepts every word unchanged, because the line is not finished."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep all words."""
        ctx.params = {"words": tuple(args[1:] if args[:1] == [DIVIDER] else args)}
        return []


@click.command("completion:words", cls=_AnyWords)
@click.pass_context
def completion_words(ctx: click.Context, /, *, words: tuple[str, ...]) -> object:
    """Print what the last word can become; the scripts of `pvdify completion` run this."""
    from pvdify.cli.command import LocalInvocation

    root, surroundings = ctx.find_root().command, ctx.find_object(Surroundings)
    assert isinstance(root, click.Group)  # noqa: S101 - the program itself
    assert surroundings is not None  # noqa: S101 - set by the parser
    options = WordOptions(words=words or ("",), program=root, surroundings=surroundings)
    return LocalInvocation(run=run_words, options=options)
