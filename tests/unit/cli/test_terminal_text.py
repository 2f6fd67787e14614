"""Foreign text in output: control characters, workflow commands and markup are filtered."""

import io
import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvdify.cli.io import Io
from pvdify.cli.live import LiveDisplay
from pvdify.cli.workflow import summary_of
from pvdify.client.events import read_events
from pvdify.errors import FailedError
from pvdify.web.answers import ServerSentEvent
from pvdify.wire.answers import LogEntry, LogLine
from pvdify.wire.deploy_log import render
from pvdify.wire.logs import render as render_line
from pvdify.wire.terminal_text import shown_at_terminal, shown_in_workflow

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = "hook \x1b]0;TITLE\x07\x1b[1A\x1b[2K x\r::error title=x::injected"
TEXTS = st.text(alphabet="a:[]m;0K#\x1b\x07\x08\r\n\x9b\x9d\x9c\x85\u2028\u202e \\", max_size=40)
COLOR = re.compile(r"\x1b\[[0-9;:]*m")


def streams(*, is_color: bool = False, is_in_workflow: bool = False) -> Io:
    return Io(
        stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), is_stdout_color=is_color,
        is_stderr_color=is_color, is_in_workflow=is_in_workflow,
    )  # fmt: skip


def written(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


@given(text=TEXTS, with_colors=st.booleans())
def test_nothing_but_colors_and_line_breaks_controls_the_terminal(text: str, with_colors: bool) -> None:
    shown = shown_at_terminal(text, with_colors=with_colors)

    rest = COLOR.sub("", shown) if with_colors else shown
    assert not [char for char in rest if not char.isprintable() and char not in "\n\t"]


@given(text=st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=40))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert shown_at_terminal(text, with_colors=True) == text


def test_colors_are_kept_at_a_terminal_and_reset_at_the_end_of_a_line() -> None:
    text = "\x1b[31mred\x1b[0m and \x1b[1mbold\nplain"

    assert shown_at_terminal(text, with_colors=True) == "\x1b[31mred\x1b[0m and \x1b[1mbold\x1b[0m\nplain"
    assert shown_at_terminal(text, with_colors=False) == "red and bold\nplain"


@given(text=TEXTS)
def test_no_line_is_a_workflow_command(text: str) -> None:
    shown = shown_in_workflow(shown_at_terminal(text, with_colors=False))

    assert not [line for line in shown.splitlines() if line.strip().startswith("::") or "##[" in line]


@pytest.mark.parametrize("is_in_workflow", [False, True])
def test_every_output_path_is_filtered(is_in_workflow: bool) -> None:
    spoken = streams(is_in_workflow=is_in_workflow)

    spoken.show(HOSTILE)
    spoken.say(HOSTILE)
    spoken.show_prefixed("web.1 |", HOSTILE, color=1)

    for text in (written(spoken.stdout), written(spoken.stderr)):
        assert "\x1b" not in text
        assert "\r" not in text
        assert "TITLE" not in text
    assert "\nweb.1 | ::error title=x::injected" in written(spoken.stdout)
    is_command = any(line.startswith("::") for line in written(spoken.stderr).splitlines())
    assert is_command is not is_in_workflow


def test_json_is_exact_and_controls_nothing() -> None:
    spoken, value = streams(is_in_workflow=True), {"text": HOSTILE + "\x9b2J\u202e\u061c::é", "##[x": "###[error]y"}

    spoken.show_json(value)

    text = written(spoken.stdout)
    assert json.loads(text) == value
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert "##[" not in text  # GitHub's runner searches whole lines for this


def test_a_redrawn_line_is_filtered() -> None:
    stream = io.StringIO()
    display = LiveDisplay(stream)

    display.line(f"    | {HOSTILE}")

    assert "\x1b]0" not in stream.getvalue()
    assert "\x1b[1A" not in stream.getvalue()


@pytest.mark.parametrize("with_colors", [True, False])
def test_a_redrawn_line_has_colors_only_if_they_are_wanted(with_colors: bool) -> None:
    stream = io.StringIO()

    LiveDisplay(stream, with_colors=with_colors).line("    | \x1b[31mred")

    assert ("\x1b[31m" in stream.getvalue()) is with_colors


def test_what_a_hook_writes_begins_no_line_of_the_deploy_log() -> None:
    entry = LogEntry(
        at=AT, kind="output", step="pre_deploy", text="x\r  switch        v9 live\n::error::y", seconds=None
    )

    assert render(entry) == "    | x\n    |   switch        v9 live\n    | ::error::y"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_no_text_ends_an_event_of_a_stream(end: str) -> None:
    encoded = ServerSentEvent(data=f"x{end}event: end{end}data: forged", id="1").encode()

    (event,) = read_events(encoded.replace(b"\r", b"\n").splitlines(keepends=True))

    assert (event.name, event.data) == ("message", "x\nevent: end\ndata: forged")


def test_the_text_of_the_api_is_safe_for_a_terminal_that_it_is_printed_to() -> None:
    line = LogLine(at=AT, process="web", number=1, release=1, stream="stdout", text=HOSTILE)
    entry = LogEntry(at=AT, kind="output", step="pre_deploy", text=HOSTILE, seconds=None)
    note = LogEntry(at=AT, kind="note", step="pre_deploy", text=HOSTILE, seconds=None)

    for text in (render_line(line), render(entry), render(note)):
        assert "\x1b" not in text
        assert "TITLE" not in text
        assert "\r" not in text
    assert render_line(line).splitlines()[1].endswith("web.1 v1 | ::error title=x::injected")


def test_a_summary_of_a_workflow_has_no_markup_of_others() -> None:
    release = SimpleNamespace(
        app="shop", version=1, status="active", url=None, image="x", digest=None, receipt=None, previous=None,
        commit="`|<b>\x1b]0;TITLE\x07\u202e",
    )  # fmt: skip

    summary = summary_of(release, FailedError("x", why=HOSTILE))  # type: ignore[arg-type]

    assert r"| Commit | `'\|<b>` |" in summary
    assert "\x1b" not in summary
    assert all(line.startswith(("    ", "|", "###")) for line in summary.splitlines() if line)
