"""Names: what an app may be called, and the computed names of everything made for it."""

import re
from enum import Enum

from pvdify.errors import InvalidError

APP_NAME = re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,38}[a-z0-9]")
# No dash: app `a` with process `b-web` and app `a-b` with process `web` would share the names of their containers.
PROCESS_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
MOMENTS = ("pre_deploy", "post_deploy")
CONFIG_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
PREVIEW = re.compile(r"(?P<parent>.+)-pr-(?P<number>[1-9][0-9]*)")
WEB = "web"


class Environment(Enum):
    """Which of its life's stages an app serves."""

    PRODUCTION = "production"
    STAGING = "staging"
    PREVIEW = "preview"


def check_app_name(name: str) -> str:
    """The name itself, when it is one. Raises InvalidError."""
    if not APP_NAME.fullmatch(name):
        raise InvalidError(
            f'"{name}" cannot be an app\'s name',
            why="a name has 2 to 40 characters: lower-case letters, digits and single dashes; "
            "it starts with a letter and does not end with a dash",
            next="choose a name like myapp or myapp-staging",
        )
    return name


def environment_of(app: str) -> Environment:
    """``myapp-pr-12`` is a preview, ``myapp-staging`` staging, everything else production."""
    if PREVIEW.fullmatch(app):
        return Environment.PREVIEW
    return Environment.STAGING if app.endswith("-staging") else Environment.PRODUCTION


def instance_name(app: str, process: str, release: int, number: int) -> str:
    """``pvdify-<app>-<process>-v<release>-<n>``, n from 1."""
    return f"pvdify-{app}-{process}-v{release}-{number}"


def hook_name(app: str, release: int, moment: str, number: int) -> str:
    """``pvdify-<app>-<moment>-v<release>-<n>``; no process is called like a moment."""
    return f"pvdify-{app}-{moment}-v{release}-{number}"


def slot_key(app: str, slot: int) -> str:
    """How the router knows a slot: ``<app>/v<release that started it>``."""
    return f"{app}/v{slot}"
