"""Write settings into the text of the settings file, and keep all other lines. No I/O."""

import json
import re
from collections.abc import Mapping

HEAD = """\
# Settings of pvdifyd. `pvdifyd --help` lists all of them; after a change: systemctl restart pvdifyd
"""


def merged(text: str | None, wanted: Mapping[str, str]) -> str:
    """Return the file's text with these settings. ``text``: the present text; None if there is no file yet."""
    result = HEAD if text is None else text
    for name, value in wanted.items():
        result = _with(result, name, value)
    return result


def _with(text: str, name: str, value: str) -> str:
    line = f"{name} = {json.dumps(value)}"
    said = re.compile(rf"^[ \t]*{re.escape(name)}[ \t]*=.*$", re.MULTILINE)
    if said.search(text):
        return said.sub(lambda _match: line, text, count=1)
    separator = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{separator}{line}\n"
