"""Debian's Chromium, driven by playwright."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def program() -> str | None:
    """The browser's path, or None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    """Start it. Root has no sandbox of Chromium's; every page here is our own."""
    found = program()
    if found is None:
        raise FileNotFoundError("no Chromium is here: apt-get install chromium")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=found, args=[*arguments, "--disable-dev-shm-usage"])
