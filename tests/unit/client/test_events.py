from collections.abc import Iterable, Iterator

import pytest

from pvdify.client.events import PATIENCE, ServerEvent, StreamLost, follow, keep_asking, read_events
from pvdify.client.transport import NoAnswer, NotSent
from pvdify.errors import AppNotFound, NotSignedIn, OutcomeUnknown, ServerUnreachable, StoreUnavailable

END = b"event: end\ndata: {}\n\n"


def lines(*chunks: bytes) -> Iterator[bytes]:
    yield from b"".join(chunks).splitlines(keepends=True)


def test_events_have_an_id_a_name_and_data() -> None:
    stream = lines(b"id: 7\nevent: step\ndata: pull\n\n", b"data: one\r\ndata:  two\r\n\r\n", b"data\n\n")

    assert list(read_events(stream)) == [
        ServerEvent(id="7", name="step", data="pull"),
        ServerEvent(data="one\n two"),
        ServerEvent(data=""),
    ]


def test_comments_and_events_without_data_are_skipped() -> None:
    assert list(read_events(lines(b": keep-alive\n\n", b"event: odd\n\n"))) == []


def test_an_unfinished_event_is_dropped() -> None:
    assert list(read_events(lines(b"data: half"))) == []


def test_text_that_is_not_utf_8_is_shown_as_far_as_it_is() -> None:
    assert list(read_events(lines(b"data: a\xffb\n\n"))) == [ServerEvent(data="a�b")]


def test_a_lost_stream_resumes_after_the_last_event() -> None:
    streams = iter([lines(b"id: 0\ndata: a\n\nid: 1\ndata: b\n\n"), lines(b"id: 2\ndata: c\n\n", END)])
    asked, slept = [], []

    def open_stream(last_id: str) -> Iterable[bytes]:
        asked.append(last_id)
        return next(streams)

    texts = [event.data for event in follow(open_stream, sleep=slept.append)]

    assert texts == ["a", "b", "c", "{}"]
    assert asked == ["", "1"]
    assert slept == [PATIENCE[0]]


@pytest.mark.parametrize("failure", [NotSent("refused", is_lasting=True), NoAnswer("reset"), StoreUnavailable("busy")])
def test_a_server_that_restarts_is_waited_for(failure: Exception) -> None:
    attempts = iter([failure, failure, None])

    def open_stream(_last_id: str) -> Iterable[bytes]:
        error = next(attempts)
        if error is not None:
            raise error
        return lines(END)

    assert len(list(follow(open_stream, sleep=lambda _: None))) == 1


def test_retries_are_limited_and_reset_by_an_event() -> None:
    opened = []

    def open_stream(_last_id: str) -> Iterable[bytes]:
        opened.append(1)
        if len(opened) == 3:
            return lines(b": a greeting alone\n\n")
        if len(opened) == 5:
            return lines(b"data: a\n\n")
        raise NotSent("connection refused")

    slept: list[float] = []
    with pytest.raises(StreamLost) as caught:
        list(follow(open_stream, sleep=slept.append))

    assert caught.value.why == "connection refused"
    assert slept == [*PATIENCE[:4], *PATIENCE]


def test_a_refusal_is_not_retried() -> None:
    def open_stream(_last_id: str) -> Iterable[bytes]:
        raise AppNotFound("gone")

    with pytest.raises(AppNotFound):
        list(follow(open_stream, sleep=lambda _: None))


@pytest.mark.parametrize("failures", [1, len(PATIENCE)])
def test_what_goes_on_without_the_command_is_asked_for_again(failures: int) -> None:
    answers: list[Exception | str] = [ServerUnreachable("away")] * failures + ["done"]
    paused: list[float] = []

    assert keep_asking(lambda: given(answers.pop(0)), "x", "y", sleep=paused.append) == "done"
    assert tuple(paused) == PATIENCE[:failures]


def test_a_server_that_stays_away_leaves_the_outcome_unknown() -> None:
    answers: list[Exception | str] = [ServerUnreachable("away")] * (len(PATIENCE) + 1)

    with pytest.raises(OutcomeUnknown, match="the change of shop: the connection was lost"):
        keep_asking(lambda: given(answers.pop(0)), "the change of shop", "`pvdify ps shop`", sleep=lambda _: None)


def test_a_token_that_has_expired_leaves_the_outcome_unknown_at_once() -> None:
    answers: list[Exception | str] = [NotSignedIn("expired")] * 2
    paused: list[float] = []

    with pytest.raises(OutcomeUnknown):
        keep_asking(lambda: given(answers.pop(0)), "x", "y", sleep=paused.append)

    assert paused == []


def given(answer: Exception | str) -> str:
    if isinstance(answer, Exception):
        raise answer
    return answer
