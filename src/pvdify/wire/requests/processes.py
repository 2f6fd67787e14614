"""Request types about processes and one-off commands."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RestartProcesses:
    """POST /apps/{app}/processes/restart. ``process``: restart only this process type; default: all."""

    process: str | None = None


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """The size of a terminal, in characters."""

    rows: int
    columns: int


@dataclass(frozen=True, kw_only=True)
class RunCommand:
    """POST /apps/{app}/run.

    ``command``: a text for the image's shell, or a list of words; ``terminal``: run the command on a terminal of this
    size. ``raw``: the streams (``stdout``, ``stderr``) that are sent byte for byte, including secrets. In all other
    streams secrets are redacted.
    """

    command: str | list[str]
    terminal: Terminal | None = None
    raw: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class ExecCommand:
    """POST /apps/{app}/exec: like /run, but inside a running instance: ``number`` of ``process``; default: any."""

    command: str | list[str]
    process: str | None = None
    number: int | None = None
    terminal: Terminal | None = None
    raw: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class OpenTunnel:
    """POST /apps/{app}/tunnel: connect to a TCP ``port`` inside a running instance, selected as for /exec.

    The paths below /run carry the connection's data.
    """

    port: int
    process: str | None = None
    number: int | None = None
