"""The lease of a preview: what renews it, what ends it, and how a clock change affects it."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pvdify.manifest.definition import Manifest, Previews, Resources
from pvdify.manifest.reading import parse_manifest
from pvdify.model.preview import (
    Preview,
    PullRequestState,
    after,
    bounded,
    first_to_give_way,
    gate_of,
    kept,
    manifest_for_preview,
    moved,
    new_preview,
)

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def preview(number: int = 12, **more: datetime | None) -> Preview:
    return replace(new_preview(f"shop-pr-{number}", "shop", number, Previews(), NOW), **more)


def test_an_open_pull_request_renews_the_lease():
    later = NOW + 3 * DAY

    renewed = after(preview(), PullRequestState(is_open=True), later)

    assert (renewed.renewed_at, renewed.ends_at) == (later, later + 7 * DAY)


def test_a_closed_preview_ends_after_its_delay_and_repeated_closings_do_not_postpone_it():
    closed = after(preview(), PullRequestState(is_open=False), NOW + HOUR)

    again = after(closed, PullRequestState(is_open=False), NOW + 5 * HOUR)

    assert (closed.closed_at, closed.ends_at) == (NOW + HOUR, NOW + HOUR + DAY)
    assert again == closed


def test_a_closed_preview_that_is_kept_stays_although_the_code_host_says_again_that_it_is_closed():
    closed = after(preview(), PullRequestState(is_open=False), NOW)
    later = NOW + 23 * HOUR

    stays = kept(closed, later)
    answer = PullRequestState(is_open=False, is_answer=True, closed_for=timedelta(hours=23).total_seconds())

    assert stays.ends_at == after(stays, answer, later).ends_at == later + DAY
    assert bounded(stays, later).ends_at == later + DAY


def test_reopening_keeps_the_preview():
    closed = after(preview(), PullRequestState(is_open=False), NOW)

    reopened = after(closed, PullRequestState(is_open=True), NOW + 23 * HOUR)

    assert (reopened.is_open, reopened.ends_at) == (True, NOW + 23 * HOUR + 7 * DAY)


def test_a_late_report_changes_nothing():
    opened, closed, reopened = (
        PullRequestState(is_open=it, as_of=NOW + number * HOUR) for number, it in ((0, True), (1, False), (2, True))
    )

    in_order = after(after(after(preview(), opened, NOW), closed, NOW), reopened, NOW)
    out_of_order = after(after(after(preview(), opened, NOW), reopened, NOW), closed, NOW)

    assert in_order.is_open
    assert out_of_order.is_open


def test_of_two_reports_of_one_second_the_open_one_counts_until_the_host_answers():
    both = [PullRequestState(is_open=it, as_of=NOW) for it in (True, False)]

    first, second = (after(after(preview(known_at=NOW - HOUR), a, NOW), b, NOW) for a, b in (both, both[::-1]))
    answered = after(first, PullRequestState(is_open=False, as_of=NOW, is_answer=True), NOW)

    assert (first.is_open, second.is_open, answered.is_open) == (True, True, False)


def test_the_age_of_a_closing_is_measured_by_the_hosts_clock():
    answer = PullRequestState(is_open=False, as_of=NOW + 365 * DAY, closed_for=6 * 3600.0, is_answer=True)

    closed = after(preview(), answer, NOW)

    assert (closed.closed_at, closed.ends_at, closed.asked_at) == (NOW - 6 * HOUR, NOW + 18 * HOUR, NOW)


def test_a_clock_that_was_set_back_makes_no_lease_longer():
    early = NOW - 400 * DAY

    assert bounded(preview(), early).ends_at == early + 7 * DAY
    assert bounded(after(preview(), PullRequestState(is_open=False), NOW), early).ends_at == early + DAY


def test_the_remaining_lease_survives_a_clock_change():
    closed = after(preview(), PullRequestState(is_open=False), NOW)

    after_jump = moved(closed, 1000 * DAY)

    assert after_jump.ends_at - (NOW + 1000 * DAY) == DAY
    assert after_jump.closed_at == NOW + 1000 * DAY


def test_the_preview_closed_longest_is_evicted_and_an_open_one_never():
    open_one, late, early = preview(1), preview(2, closed_at=NOW), preview(3, closed_at=NOW - HOUR)

    assert first_to_give_way((open_one, late, early)) == early
    assert first_to_give_way((open_one,)) is None


def test_a_preview_has_its_own_limits_and_no_hostname_of_production():
    manifest = parse_manifest(
        {
            "domains": ["shop.com"],
            "resources": {"memory": "1G"},
            "processes": {"web": {"resources": {"memory": "64M", "cpu": 2}}, "worker": {"command": "work"}},
        }
    )

    own = manifest_for_preview(manifest, Previews())

    mib = 1024**2
    assert own.domains == ()
    assert own.limits_of("web") == Resources(memory=64 * mib, cpu=0.25)
    assert own.limits_of("worker") == Resources(memory=256 * mib, cpu=0.25)
    assert own.resources.memory == 256 * mib
    assert parse_manifest(own.model_dump(mode="json")) == own
    assert manifest_for_preview(Manifest(), Previews()).previews == Previews()


def test_a_gate_opens_for_the_header_that_browsers_send():
    header = b"Basic dGVhbTpvcGVuIHNlc2FtZQ=="  # team:open sesame

    assert gate_of("team:open sesame") == hashlib.sha256(header).hexdigest()


@pytest.mark.parametrize("login", ["", "team", ":password", "team:", "team:pass\nword"])
def test_a_malformed_authorization_header_opens_no_gate(login: str):
    with pytest.raises(ValueError, match="name:password"):
        gate_of(login)
