"""The core names no vendor: another edge or service needs only another adapter."""

from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/pvdify"
CORE = ("engine/deploys", "engine/running", "engine/reading", "engine/state", "engine/edge", "model", "ports")
ALLOWED = {"model/action.py", "model/notice.py"}  # names of events and channels are public words


def test_the_core_names_no_vendor():
    named = [
        f"{file.relative_to(SOURCE)}: {word}"
        for folder in CORE
        for file in sorted((SOURCE / folder).rglob("*.py"))
        if str(file.relative_to(SOURCE)) not in ALLOWED
        for word in ("cloudflare", "posthog")
        if word in file.read_text("utf-8").lower()
    ]

    assert named == []
