"""Bodies of reports of a release to GitHub: pure values."""

import re
from typing import Any

from pvdify.model.notice import Notice

LONGEST_DESCRIPTION = 140  # of a deployment's status
_MARK = re.compile(r"<!-- pvdify:(?P<app>[a-z0-9-]+):(?P<event>[0-9]+) -->")


def comment(notice: Notice) -> dict[str, Any]:
    """The one comment on a pull request; its first line, which is not shown, identifies it."""
    facts = {
        "status": _quoted(_status(notice)),
        "image": f"`{_plain(notice.image)}`" if notice.image else "",
        "commit": notice.commit or "",
        "as of": f"{notice.at:%Y-%m-%d %H:%M} UTC",
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items() if value]
    head = f"### Preview: {notice.url}" if notice.action != "preview.ended" else "### Preview"
    mark = f"<!-- pvdify:{notice.app}:{notice.id} -->"
    return {"body": "\n".join([mark, head, "", "| | |", "|---|---|", *rows, ""])}


def event_in(body: str, app: str) -> int | None:
    """The event of the last report in a comment of ours; None if it is no such comment."""
    found = _MARK.match(body)
    return int(found["event"]) if found and found["app"] == app else None


def deployment(notice: Notice, delivery: str) -> dict[str, Any]:
    """A deployment of the release's commit; ``payload`` is how we find it again."""
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
    """What became of it. Earlier deployments of the environment become inactive with a success."""
    return {
        "state": "failure" if notice.is_bad else "success",
        "environment_url": notice.url,
        "description": _plain(notice.headline)[:LONGEST_DESCRIPTION],
    }


def inactive() -> dict[str, Any]:
    """The environment is gone."""
    return {"state": "inactive", "description": "the preview is gone"}


def _status(notice: Notice) -> str:
    if notice.action == "preview.ended":
        return "gone, with everything of it"
    if notice.action == "preview.closed":
        return f"the pull request is closed; {notice.text}, and stays if it is opened again"
    return notice.headline


def _quoted(text: str) -> str:
    """Text that may quote others': no markup, no table cell, and no mention."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", _plain(text)).replace("@", "@\u200b")


def _plain(text: str | None) -> str:
    return " ".join((text or "").replace("`", "'").split())
