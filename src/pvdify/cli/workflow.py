"""The GitHub workflow that runs a command: masked secrets, outputs for later steps, and the summary."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from pvdify.errors import PvdifyError
from pvdify.wire.answers import Receipt, Release
from pvdify.wire.deploy_log import format_seconds
from pvdify.wire.terminal_text import shown_at_terminal

_HOW_IT_WENT = {
    "pending": "is in progress",
    "deploying": "is in progress",
    "active": "is live",
    "superseded": "was superseded",
    "canceled": "was canceled",
}


class Workflow:
    """GitHub's runner, controlled by commands in the output and by files that the environment names.

    Commands go to ``stderr``, which the runner reads like stdout, so that ``$(gh pvdify ... --json)`` stays JSON. If a
    file is not named, it is skipped. If it cannot be written, a message is printed; the release is not affected.
    """

    def __init__(self, environ: Mapping[str, str], stderr: TextIO) -> None:
        self._environ = environ
        self._stderr = stderr

    def hide(self, secret: str) -> None:
        """Mask the secret in the runner's log."""
        escaped = secret.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        self._say(f"::add-mask::{escaped}")

    def report_release(self, release: Release, error: PvdifyError | None = None) -> None:
        """Write the outputs ``url`` and ``version``, and a summary. ``error``: the release's failure, if any."""
        self._append("GITHUB_OUTPUT", f"url={release.url or ''}\nversion={release.version}\n")
        self._append("GITHUB_STEP_SUMMARY", summary_of(release, error))

    def report_error(self, error: PvdifyError) -> None:
        """Write a summary that says why there is no release."""
        self._append("GITHUB_STEP_SUMMARY", f"### pvdify: {error.code}\n\n{_verbatim(error.render())}\n")

    def _append(self, variable: str, text: str) -> None:
        path = self._environ.get(variable)
        if not path:
            return
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            self._say(f"{variable} was not written: {error.strerror}")

    def _say(self, text: str) -> None:
        self._stderr.write(f"{text}\n")
        self._stderr.flush()


def summary_of(release: Release, error: PvdifyError | None) -> str:
    """Return a summary of the release in Markdown, for the page of the workflow's run."""
    is_live = release.status == "active"
    facts = [
        ("Address", release.url if is_live else None),
        ("Image", _code(release.image)),
        ("Digest", release.digest and _code(release.digest)),
        ("Commit", release.commit and _code(release.commit)),
        *(_receipt_facts(release.receipt) if release.receipt else ()),
    ]
    parts = [
        f"### {release.app} v{release.version} {_HOW_IT_WENT.get(release.status, 'failed')}",
        "\n".join(("| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts if value))),
    ]
    if error is not None:
        parts.append(_verbatim(error.render()))
    elif is_live and release.previous is not None:
        parts.append(f"Undo: `gh pvdify rollback {release.app}`")
    return "\n\n".join(parts) + "\n\n"


def _receipt_facts(receipt: Receipt) -> Iterator[tuple[str, str]]:
    yield "Took", format_seconds(receipt.seconds)
    yield "Steps", ", ".join(f"{name} {format_seconds(spent / 1000)}" for name, spent in receipt.steps.items())
    if counted := receipt.requests:
        so_far = "" if counted.is_final else " so far"
        yield "Requests", f"{counted.served} served{so_far}, {counted.failed} failed, {counted.cut} cut"


def _code(text: str) -> str:
    """Text that others may have chosen, as code in a cell of a table."""
    return "`{}`".format(shown_at_terminal(text, with_colors=False).replace("`", "'").replace("|", r"\|"))


def _verbatim(text: str) -> str:
    return "\n".join(f"    {line}" for line in shown_at_terminal(text, with_colors=False).splitlines())
