"""axe-core in a page: what it finds against WCAG 2.2 AA."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

FILE = Path(__file__).with_name("vendor") / "axe.min.js"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def source() -> str:
    """The vendored file, if it is what was vendored."""
    content = FILE.read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256, f"{FILE} is not axe-core as it was vendored"
    return content.decode()


def violations(page: Page) -> list[str]:
    """Every violation in the page, as a line with its first element."""
    page.evaluate(source())  # the debugger's way in, which the page's policy does not hold back
    found: Any = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
    return [
        f"{it['id']}: {it['help']} at {it['nodes'][0]['target']} ({it['nodes'][0]['html'][:160]}) "
        f"{it['nodes'][0].get('failureSummary', '')}"
        for it in found["violations"]
    ]
