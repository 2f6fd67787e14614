"""Builders of webhook bodies for programs, Slack and Discord, and of their signature; pure."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from pvdify.model.instance import Secret
from pvdify.model.notice import Notice
from pvdify.wire.terminal_text import shown_at_terminal

GREEN, RED, GREY = 0x2DA44E, 0xCF222E, 0x6E7781
LONGEST_TEXT = 1500  # Discord takes 2,000 characters, Slack 3,000
_DATA = ("app", "environment", "url", "release", "image", "digest", "commit", "branch", "actor", "text", "next")


def generic(notice: Notice) -> dict[str, Any]:
    """Return the body in the form of standardwebhooks.com: type, timestamp, data. Omits unknown facts."""
    facts = {name: getattr(notice, name) for name in _DATA}
    data: dict[str, Any] = {name: value for name, value in facts.items() if value not in (None, "")}
    if notice.failure is not None:
        data["failure"] = {"code": notice.failure_code, "what": notice.failure}
    return {"type": notice.action, "timestamp": notice.at.isoformat().replace("+00:00", "Z"),
            "data": {"event": notice.id, "headline": notice.headline, **data}}  # fmt: skip


def slack(notice: Notice) -> dict[str, Any]:
    """Return the body for a Slack incoming webhook or a compatible one (Mattermost, Rocket.Chat), without mentions."""
    mark = ":red_circle:" if notice.is_bad else ":large_green_circle:" if _is_good(notice) else ":white_circle:"
    text = _escaped(_cut(notice.headline))
    if notice.url and _is_good(notice):
        text = f"{text} <{notice.url}>"
    said = "\n".join([f"{mark} {text}", *(f"_{_escaped(line)}_" for line in _small_print(notice))])
    return {"text": f"{mark} {_escaped(_cut(notice.headline))}",
            "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": said}}]}  # fmt: skip


def discord(notice: Notice) -> dict[str, Any]:
    """Return the body for a Discord webhook, with mentions off, so that no text notifies users."""
    embed: dict[str, Any] = {
        "description": _cut(_plain(notice.headline)).replace("[", "\\["),  # a link with words of others
        "color": RED if notice.is_bad else GREEN if _is_good(notice) else GREY,
        "timestamp": notice.at.isoformat(),
    }
    if notice.app:
        embed["title"] = notice.app
    if notice.url and _is_good(notice):
        embed["url"] = notice.url
    if small_print := _small_print(notice):
        embed["footer"] = {"text": " · ".join(small_print)}
    return {"username": "pvdify", "embeds": [embed], "allowed_mentions": {"parse": []}}


def signed_headers(delivery_id: str, at: datetime, content: bytes, secret: Secret) -> dict[str, str]:
    """Return the Standard Webhooks headers, with which a receiver verifies the sender and refuses old repetitions."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = str(int(at.timestamp()))
    signed = hmac.new(key, f"{delivery_id}.{stamp}.".encode() + content, hashlib.sha256).digest()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def to_bytes(body: dict[str, Any]) -> bytes:
    """Serialize the body. The signature covers exactly these bytes."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _is_good(notice: Notice) -> bool:
    return notice.action in ("deploy.live", "rollback.live") and not notice.is_bad


def _small_print(notice: Notice) -> list[str]:
    commit = notice.commit[:10] if notice.commit else ""
    parts = (notice.image, commit, f"by {notice.actor}", notice.next if notice.is_bad else "")
    return [_plain(part) for part in parts if part]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _plain(text: str) -> str:
    """One line, without what controls a terminal or turns text round."""
    return " ".join(shown_at_terminal(text, with_colors=False).split())


def _escaped(text: str) -> str:
    text = _plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("@", "@\u200b")  # Mattermost takes a bare @channel for a mention
