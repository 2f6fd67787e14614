"""Every retention period is a setting, and one page lists them all."""

from pathlib import Path

from pvdify import settings

PAGE = Path(__file__).parents[2] / "docs/reference/retention.md"
KINDS = (
    "events", "notifications", "scheduled jobs", "deploy log", "visits", "instances", "volumes", "images", "webhooks",
    "sessions", "Idempotency-Key",
)  # fmt: skip


def test_every_retention_setting_is_on_the_page():
    text = PAGE.read_text("utf-8")
    kept = [name for name in settings.names() if name.startswith("keep_") or name in ("trash", "standby")]

    assert len(kept) >= 6
    assert [name for name in kept if f"`{name}`" not in text] == []
    assert [name for name in kept if f"`{settings.describe(name)[0]}`" not in text] == []


def test_every_kind_of_log_and_record_is_on_the_page():
    text = PAGE.read_text("utf-8").lower()

    assert [kind for kind in KINDS if kind.lower() not in text] == []
