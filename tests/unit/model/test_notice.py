"""Notices and what answers mean for them."""

import re
from pathlib import Path

import pytest

from pvdify.model.event import GROUPS
from pvdify.model.notice import DEFAULT_EVENTS, Attempt, attempt_of

SOURCE = Path(__file__).parents[3] / "src/pvdify/engine"


@pytest.mark.parametrize(
    ("status", "retry_after", "attempt"),
    [
        (204, None, Attempt(is_delivered=True, status=204)),
        (302, None, Attempt(is_delivered=False, is_final=True, status=302, text="redirects are not followed")),
        (404, None, Attempt(is_delivered=False, is_final=True, status=404, text="answered 404")),
        (408, None, Attempt(is_delivered=False, status=408, text="answered 408")),
        (429, "30", Attempt(is_delivered=False, status=429, text="answered 429", wait=30.0)),
        (429, "9999999", Attempt(is_delivered=False, status=429, text="answered 429", wait=1800.0)),
        (503, "Wed, 21 Oct 2026", Attempt(is_delivered=False, status=503, text="answered 503")),
    ],
)
def test_what_an_answer_means(status: int, retry_after: str | None, attempt: Attempt):
    assert attempt_of(status, retry_after) == attempt


def test_every_event_that_is_written_belongs_to_a_group_that_can_be_chosen():
    written = {
        found
        for file in SOURCE.rglob("*.py")
        for found in re.findall(r"action=f?\"([a-z-]+)\.|_event\(\w+, f?\"([a-z-]+)\.", file.read_text())
    }

    assert {name for pair in written for name in pair if name} <= GROUPS
    assert {name.partition(".")[0] for name in DEFAULT_EVENTS} <= GROUPS
