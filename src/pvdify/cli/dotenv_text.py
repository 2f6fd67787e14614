"""Reading and writing of env files: lines of ``KEY=VALUE``, as python-dotenv reads them."""

import re
from collections.abc import Mapping
from io import StringIO

from pvdify.errors import InvalidConfigFile

_BARE = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")


def read(text: str, name: str) -> dict[str, str]:
    """Parse an env file; ``$`` has no special meaning. Raises InvalidConfigFile with the line of every problem."""
    from dotenv.parser import parse_stream

    values, problems = {}, []
    for binding in parse_stream(StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            problems.append(f"line {binding.original.line}: expected KEY=VALUE")
        elif binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    if not values and not problems:
        problems = ["it holds no KEY=VALUE line"]
    if problems:
        raise InvalidConfigFile(f"{name} was not imported", next="correct the file", details={"problems": problems})
    return values


def write(values: Mapping[str, str]) -> str:
    """Return lines from which ``read`` gets the same values; values are quoted only if necessary."""
    return "\n".join(f"{key}={_quoted(value)}" for key, value in values.items())


def _quoted(value: str) -> str:
    if not value or _BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\")
    if "\r" in value:  # programs that read the file may change its line ends
        marked = escaped.replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
        return f'"{marked}"'
    quoted = escaped.replace("'", "\\'")
    return f"'{quoted}'"
