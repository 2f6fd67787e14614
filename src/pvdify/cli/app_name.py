"""Which app is meant when it may be left out."""

import re
from pathlib import Path

import click

from pvdify.cli import git, manifest_file
from pvdify.cli.io import Surroundings
from pvdify.errors import InvalidError

# The server has the last word; this keeps a path or an image from becoming part of a URL.
_SHAPE = re.compile(r"[a-z0-9-]+")


def resolve(argument: str | None, option: str | None, surroundings: Surroundings) -> str:
    """The app: first argument, --app, PVDIFY_APP, ``app:`` in pvdify.yml, the repository's name.

    Raises InvalidError when none of these says.
    """
    if argument and option and argument != option:
        raise click.UsageError(f"the app is named twice: {argument}, and --app {option}")
    named = argument or option or surroundings.environ.get("PVDIFY_APP")
    return check(named or manifest_file.app_in(surroundings.folder) or _of_repository(surroundings) or _unknown())


def check(name: str) -> str:
    """The name itself, when it could be one. Raises InvalidError."""
    if not _SHAPE.fullmatch(name):
        is_image = "/" in name or ":" in name
        raise InvalidError(
            f'"{name}" is not the name of an app',
            why="a name has lower-case letters, digits and dashes",
            next=f"for an image: pvdify deploy APP --image {name}" if is_image else "`pvdify apps` lists the names",
        )
    return name


def looks_like_one(text: str) -> bool:
    """Whether an argument could be an app's name rather than a config var's or a number."""
    return _SHAPE.fullmatch(text) is not None and not text.isdigit()


def _of_repository(surroundings: Surroundings) -> str | None:
    repository = surroundings.environ.get("GITHUB_REPOSITORY") or git.remote_url(surroundings.folder) or ""
    name = Path(repository.rstrip("/").rpartition(":")[2]).name.removesuffix(".git")
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or None


def _unknown() -> str:
    raise InvalidError(
        "no app was named",
        why="it is taken from the first argument, --app, PVDIFY_APP, `app:` in ./pvdify.yml, "
        "or the name of the repository (git remote, GITHUB_REPOSITORY); none of these says",
        next="name it; `pvdify apps` lists the names",
    )
