"""The choice of the app if the command line does not name one."""

import re
from dataclasses import dataclass
from pathlib import Path

from pvdify.cli import manifest_file
from pvdify.cli.io import Surroundings
from pvdify.errors import InvalidError

# The server checks the name; this check keeps a path or an image out of the URL.
_SHAPE = r"[a-z0-9-]+"
# Equal to manifest.names.APP_NAME, whose module needs a package that the zipapp does not contain.
APP_NAME = re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,38}[a-z0-9]")
OF_REPOSITORY = "the repository's name"


def resolve(argument: str | None, option: str | None, surroundings: Surroundings) -> str:
    """Return the app from: first argument, --app, PVDIFY_APP, ``app:`` in pvdify.yml, the repository's name.

    The first one found is used. Raises InvalidError if there is none.
    """
    return find(argument, option, surroundings) or _unknown()


def find(argument: str | None, option: str | None, surroundings: Surroundings) -> str | None:
    """Return the app like ``resolve``, or None if there is none."""
    if argument and option and argument != option:
        import click

        raise click.UsageError(f"the app is named twice: {argument}, and --app {option}")
    if named := argument or option:
        return check(named)
    found = implied(surroundings)
    return None if found is None else _check_implied(found)


@dataclass(frozen=True)
class ImpliedApp:
    """An app that the user did not type, and the origin of its name."""

    name: str
    origin: str


def implied(surroundings: Surroundings) -> ImpliedApp | None:
    """Return the app that commands here use if none is named, or None."""
    if name := surroundings.environ.get("PVDIFY_APP"):
        return ImpliedApp(name, "PVDIFY_APP")
    if name := manifest_file.app_in(surroundings.folder):
        return ImpliedApp(name, "pvdify.yml")
    if name := _of_repository(surroundings):
        return ImpliedApp(name, OF_REPOSITORY)
    return None


def check(name: str) -> str:
    """Return the name if it could be an app's name. Raises InvalidError."""
    if not re.fullmatch(_SHAPE, name):
        is_image = "/" in name or ":" in name
        raise InvalidError(
            f'"{name}" is not the name of an app',
            why="a name has lower-case letters, digits and dashes",
            next=f"for an image: pvdify deploy APP --image {name}" if is_image else "`pvdify apps` lists the names",
        )
    return name


def _check_implied(found: ImpliedApp) -> str:
    """Return the implied name; a repository's name is checked more strictly. Raises InvalidError."""
    if found.origin != OF_REPOSITORY or APP_NAME.fullmatch(found.name):
        return check(found.name)
    raise InvalidError(
        f'no app was named, and {OF_REPOSITORY} makes "{found.name}", which cannot be an app\'s name',
        why="a name has 2 to 40 lower-case letters, digits and single dashes, and starts with a letter",
        next="write `app: NAME` into pvdify.yml, set PVDIFY_APP, or name the app as the first argument",
    )


def looks_like_one(text: str) -> bool:
    """Return whether an argument could be an app's name, not a config var's name or a number."""
    return re.fullmatch(_SHAPE, text) is not None and not text.isdigit()


def _of_repository(surroundings: Surroundings) -> str | None:
    from pvdify.cli import git

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
