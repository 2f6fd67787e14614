"""Notifications, and what a receiver's answer means for their retries."""

import pytest

from pvdify.model.notice import Attempt, attempt_of


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
def test_the_retry_advice_of_an_answer(status: int, retry_after: str | None, attempt: Attempt):
    assert attempt_of(status, retry_after) == attempt
