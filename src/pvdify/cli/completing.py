"""Completion of an unfinished command line: commands, options, and names that the server knows."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.io import Surroundings

_TOKEN = re.compile(r"[A-Z][A-Z_]*(?:[.=][A-Z]+)?")
DIVIDER = "--"


@dataclass(frozen=True)
class Candidate:
    """A possible word with its description."""

    word: str
    help: str = ""


Names = Callable[[str, str | None], Sequence[Candidate]]


@dataclass(frozen=True)
class Line:
    """The parsed words of an unfinished command line.

    ``pending``: the option whose value is the next word.
    """

    command: click.Command
    positional: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    pending: click.Option | None = None
    is_divided: bool = False

    @property
    def app(self) -> str | None:
        """The app from ``--app``, or from the first word if it could be an app's name."""
        named = dict(self.values).get("app")
        if named is not None or self.tokens[:1] != ("APP",):
            return named
        return next((word for word in self.positional[:1] if app_name.looks_like_one(word)), None)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The kinds of the arguments, such as ``("APP", "KEY")``."""
        arguments = [param for param in self.command.params if isinstance(param, click.Argument)]
        texts = (argument.metavar or (argument.name or "").upper() for argument in arguments)
        return tuple(token for text in texts for token in _TOKEN.findall(text))

    @property
    def is_variadic(self) -> bool:
        """Whether the last argument may be repeated."""
        return any("..." in (param.metavar or "") for param in self.command.params)


def complete(
    words: Sequence[str], program: click.Group, names: Names, surroundings: Surroundings
) -> list[Candidate]:  # fmt: skip
    """Return all completions of the last word.

    ``names`` returns the names of one kind, for one app or for None.
    """
    *before, current = words or [""]
    group: click.Group = program
    context = click.Context(program)
    while before and not before[0].startswith("-"):
        command = group.get_command(context, before[0])
        if command is None:
            return []
        before = before[1:]
        if not isinstance(command, click.Group):
            return _matching(_words(_read(command, before), current, names, surroundings), current)
        group = command
    if before:
        return []
    commands = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    found = [Candidate(name, "" if it is None else it.get_short_help_str(60)) for name, it in commands]
    return _matching(found, current)


def value_of(option: str, words: Sequence[str]) -> str | None:
    """Return the value of an option on this line, or None."""
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == option and equals:
            return value or None
        if word == option:
            return next(iter(words[at + 1 :]), None) or None
    return None


def _read(command: click.Command, words: Sequence[str]) -> Line:
    options = {name: param for param in command.params if isinstance(param, click.Option) for name in param.opts}
    line = Line(command)
    for word in words:
        name, equals, value = word.partition("=")
        if line.pending is not None:
            line = Line(command, line.positional, (*line.values, (line.pending.name or "", word)))
        elif word == DIVIDER:
            return Line(command, line.positional, line.values, is_divided=True)
        elif not word.startswith("-"):
            line = Line(command, (*line.positional, word), line.values)
        elif name in options and not options[name].is_flag:
            given = (*line.values, (options[name].name or "", value)) if equals else line.values
            line = Line(command, line.positional, given, None if equals else options[name])
    return line


def _words(line: Line, current: str, names: Names, surroundings: Surroundings) -> Iterable[Candidate]:
    if line.is_divided:
        return ()
    if line.pending is not None:
        return _option_values(line.pending, line, names, surroundings)
    if current.startswith("-"):
        return _options(line.command, current, line, names, surroundings)
    return _arguments(line, names, surroundings)


def _options(
    command: click.Command, current: str, line: Line, names: Names, surroundings: Surroundings
) -> Iterator[Candidate]:  # fmt: skip
    name, equals, _ = current.partition("=")
    for option in (param for param in command.params if isinstance(param, click.Option)):
        if equals and name in option.opts:
            for value in _option_values(option, line, names, surroundings):
                yield Candidate(f"{name}={value.word}", value.help)
        elif not equals:
            for known in (*option.opts, *option.secondary_opts):
                if known.startswith("--"):
                    yield Candidate(known, option.help or "")


def _option_values(option: click.Option, line: Line, names: Names, surroundings: Surroundings) -> Iterable[Candidate]:
    if isinstance(option.type, click.Choice):
        return map(Candidate, map(str, option.type.choices))
    kinds = {"app": "APP", "server": "SERVER", "process": "PROCESS", "version": "N", "release": "N"}
    kind = kinds.get(option.name or "")
    return _of_kind(kind, line.app or _implied(surroundings), names) if kind else ()


def _arguments(line: Line, names: Names, surroundings: Surroundings) -> Iterable[Candidate]:
    for argument in (param for param in line.command.params if isinstance(param, click.Argument)):
        if isinstance(argument.type, click.Choice):
            return map(Candidate, map(str, argument.type.choices))
    if line.command.name in ("servers:use", "servers:remove"):
        return names("SERVER", None)
    tokens = line.tokens
    if "app" in dict(line.values) and tokens[:1] == ("APP",):
        tokens = tokens[1:]
    at = len(line.positional)
    if at >= len(tokens):
        return _of_kind(tokens[-1], line.app or _implied(surroundings), names) if tokens and line.is_variadic else ()
    found = [*_of_kind(tokens[at], line.app or _implied(surroundings), names)]
    if tokens[at] == "APP" and len(tokens) > at + 1 and (implied := _implied(surroundings)):
        found += _of_kind(tokens[at + 1], implied, names)
    return found


def _of_kind(kind: str, app: str | None, names: Names) -> Iterable[Candidate]:
    if kind in ("APP", "FROM", "TO"):
        return names("APP", None)
    if kind == "SERVER":
        return names("SERVER", None)
    kinds = {"KEY": ("KEY", ""), "KEY=VALUE": ("KEY", "="), "N": ("N", ""), "A": ("N", ""), "B": ("N", ""),
             "PROCESS": ("PROCESS", ""), "PROCESS=COUNT": ("PROCESS", "="), "PROCESS.N": ("INSTANCE", "")}  # fmt: skip
    if kind not in kinds or app is None:
        return ()
    name, suffix = kinds[kind]
    return [Candidate(it.word + suffix, it.help) for it in names(name, app)]


def _implied(surroundings: Surroundings) -> str | None:
    found = app_name.implied(surroundings)
    return None if found is None else found.name


def _matching(found: Iterable[Candidate], current: str) -> list[Candidate]:
    return [candidate for candidate in found if candidate.word.startswith(current)]
