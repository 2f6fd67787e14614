"""Names of apps, and the computed names of everything that is made for them."""

import re
from enum import Enum

from pvdify.errors import InvalidError
from pvdify.manifest.names import APP_NAME, CONFIG_KEY, WEB, check_app_name

INSTANCE = re.compile(r"pvdify-.+-(?P<process>[^-]+)-v(?P<release>[0-9]+)-(?P<serial>[0-9]+)")
GENERATION = 100  # the most instances of one process; more would have the same name
PREVIEW = re.compile(r"(?P<parent>.+)-pr-(?P<number>[1-9][0-9]*)")
__all__ = ["CONFIG_KEY", "PREVIEW", "WEB", "Environment", "app_of_instance", "check_app_name", "environment_of",
           "hook_name", "instance_name", "job_name", "name_end", "number_of", "parent_of", "place_of_instance",
           "preview_name", "slot_key"]  # fmt: skip


class Environment(Enum):
    """The environment that an app's name stands for."""

    PRODUCTION = "production"
    STAGING = "staging"
    PREVIEW = "preview"


def environment_of(app: str) -> Environment:
    """Return the environment: ``myapp-pr-12`` is a preview, ``myapp-staging`` staging, all others production."""
    if PREVIEW.fullmatch(app):
        return Environment.PREVIEW
    return Environment.STAGING if app.endswith("-staging") else Environment.PRODUCTION


def preview_name(parent: str, number: int) -> str:
    """Return ``myapp-pr-12``. Raises InvalidError if the name is too long."""
    name = f"{parent}-pr-{number}"
    if not APP_NAME.fullmatch(name):
        raise InvalidError(
            f"{parent} cannot have a preview named {name}",
            why="an app's name has at most 40 characters",
            next=f"previews need an app with a name of {40 - len(name) + len(parent)} characters or less",
        )
    return name


def parent_of(app: str) -> tuple[str, int] | None:
    """Return ``myapp`` and 12 for ``myapp-pr-12``; None for an app that is no preview."""
    match = PREVIEW.fullmatch(app)
    return (match["parent"], int(match["number"])) if match else None


def instance_name(app: str, process: str, release: int, number: int, generation: int = 0) -> str:
    """Return ``pvdify-<app>-<process>-v<release>-<n>``, n from 1.

    ``generation``: a restarted instance keeps its number, and its new container needs another name while both exist:
    ``web.1`` is ``…-1``, then ``…-101``, then ``…-1`` again.
    """
    return f"pvdify-{app}-{process}-v{release}-{number + GENERATION * generation}"


def number_of(serial: int) -> int:
    """Return the number of the instance with this serial at the end of its name."""
    return (serial - 1) % GENERATION + 1


def hook_name(app: str, release: int, moment: str, number: int) -> str:
    """Return ``pvdify-<app>-<moment>-v<release>-<n>``; no process has the name of a moment."""
    return f"pvdify-{app}-{moment}-v{release}-{number}"


def job_name(app: str, job: str, number: int) -> str:
    """Return ``pvdify-<app>-<job>-job-<number of the run>``: known before the run starts, for any release."""
    return f"pvdify-{app}-{job}-job-{number}"


def app_of_instance(name: str) -> str:
    """Return ``shop`` for ``pvdify-shop-web-v1-1``; no process has a hyphen in its name."""
    return name.removeprefix("pvdify-").rsplit("-", 3)[0]


def name_end(name: str) -> str:
    """Return ``web-v1-2`` for ``pvdify-shop-web-v1-2``: the part that stays when the app is renamed."""
    return "-".join(name.rsplit("-", 3)[1:])


def place_of_instance(name: str) -> tuple[str, int, int] | None:
    """Return process, release and number: ``web``, 1 and 2 for ``pvdify-shop-web-v1-2``. None for other names."""
    match = INSTANCE.fullmatch(name)
    return (match["process"], int(match["release"]), number_of(int(match["serial"]))) if match else None


def slot_key(app: str, slot: int) -> str:
    """Return the router's name for a slot: ``<app>/v<release that started it>``."""
    return f"{app}/v{slot}"
