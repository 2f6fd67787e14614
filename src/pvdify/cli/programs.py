"""Programs on the user's machine: the browser and the editor."""

import os
import sys
from pathlib import Path

from pvdify.errors import FailedError, InvalidSetting

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


def browse(url: str) -> bool:
    """Open the address in a browser; return False without a desktop."""
    if not sys.stdout.isatty() or (sys.platform == "linux" and not any(map(os.environ.get, _SCREENS))):
        return False
    import webbrowser

    return webbrowser.open(url)


def edit(editor: str, text: str, name: str) -> Path:
    """Open the text in an editor and return the edited file, in a new folder that only the user can read.

    Raises InvalidSetting if the editor cannot be started, FailedError if it fails.
    """
    import shlex
    import shutil
    import subprocess
    import tempfile

    file = Path(tempfile.mkdtemp(prefix="pvdify-")) / name
    file.write_text(text, "utf-8")
    try:
        code = subprocess.call((*shlex.split(editor), str(file)))
    except (OSError, ValueError) as error:
        shutil.rmtree(file.parent)
        raise InvalidSetting(
            f'the editor "{editor}" cannot be started', why=str(error), next="set EDITOR to one that is installed"
        ) from error
    if code != 0:
        shutil.rmtree(file.parent)
        raise FailedError(
            f'the editor "{editor}" ended with code {code}: nothing was changed', next="edit again; save, then leave"
        )
    return file
