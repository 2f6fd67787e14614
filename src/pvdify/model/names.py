"""Names: what an app may be called, and the computed names of everything made for it."""

import re
from enum import Enum

from pvdify.manifest.names import WEB, check_app_name

CONFIG_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
PREVIEW = re.compile(r"(?P<parent>.+)-pr-(?P<number>[1-9][0-9]*)")
__all__ = ["CONFIG_KEY", "PREVIEW", "WEB", "Environment", "check_app_name", "environment_of", "hook_name",
           "instance_name", "slot_key"]  # fmt: skip


class Environment(Enum):
    """Which of its life's stages an app serves."""

    PRODUCTION = "production"
    STAGING = "staging"
    PREVIEW = "preview"


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
