"""Request bodies for reports about releases: comments, deployments and their statuses. No I/O."""

import re
from typing import Any

from pvdify.model.notice import Notice
from pvdify.wire.terminal_text import shown_at_terminal

LONGEST_DESCRIPTION = 140  # characters; GitHub's limit for a deployment's status
_MARK = re.compile(r"<!-- pvdify:(?P<app>[a-z0-9-]+):(?P<event>[0-9]+) -->")


def comment(notice: Notice) -> dict[str, Any]:
    """Build the comment on a preview's pull request. Its first line, which GitHub does not show, identifies it."""
    facts = {
        "status": _escaped(_status(notice)),
        "image": f"`{_one_line(notice.image)}`" if notice.image else "",
        "commit": _escaped(notice.commit or ""),
        "as of": f"{notice.at:%Y-%m-%d %H:%M} UTC",
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items() if value]
    head = f"### Preview: {notice.url}" if notice.action != "preview.ended" else "### Preview"
    mark = f"<!-- pvdify:{notice.app}:{notice.id} -->"
    return {"body": "\n".join([mark, head, "", "| | |", "|---|---|", *rows, ""])}


def event_in(body: str, app: str) -> int | None:
    """Return the id of the notice that a comment of pvdify reports for the app; None for any other comment."""
    found = _MARK.match(body)
    return int(found["event"]) if found and found["app"] == app else None


def deployment(notice: Notice, delivery: str) -> dict[str, Any]:
    """Build a deployment of the release's commit. ``payload`` contains the delivery's id, to find it again."""
    return {
        "ref": notice.commit,
        "auto_merge": False,
        "required_contexts": [],
        "environment": notice.app,
        "transient_environment": notice.environment == "preview",
        "production_environment": notice.environment == "production",
        "description": f"v{notice.release} of {notice.app}",
        "payload": {"pvdify": delivery},
    }


def status(notice: Notice) -> dict[str, Any]:
    """Build the status of a deployment. On success, GitHub makes the environment's earlier deployments inactive."""
    return {
        "state": "failure" if notice.is_bad else "success",
        "environment_url": notice.url,
        "description": _one_line(notice.headline)[:LONGEST_DESCRIPTION],
    }


def inactive() -> dict[str, Any]:
    """Build the status of a deployment whose preview has been removed."""
    return {"state": "inactive", "description": "the preview is gone"}


def _status(notice: Notice) -> str:
    if notice.action == "preview.ended":
        return "gone, with everything of it"
    if notice.action == "preview.closed":
        return f"the pull request is closed; {notice.text}, and stays if it is opened again"
    return notice.headline


def _escaped(text: str) -> str:
    """Escape text that may contain text of other authors: no markup, no end of a table cell, and no mention."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", _one_line(text)).replace("@", "@\u200b")


def _one_line(text: str | None) -> str:
    return " ".join(shown_at_terminal(text or "", with_colors=False).replace("`", "'").split())
