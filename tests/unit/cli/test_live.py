import io

from pvdify.cli.live import LiveDisplay, PlainDisplay
from tests.unit.cli.conftest import Ran

PULL = "  pull          sha256:9f2c…                                   1.8s"
HOOK = "    | migrating"


def screen(written: str) -> list[str]:
    """Return what a terminal shows: text before a carriage return and an erased line is dropped."""
    return [line.rpartition("\x1b[2K")[2] for line in written.split("\n")]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_running_step_counts_until_its_own_line_takes_its_place() -> None:
    stream, clock = io.StringIO(), Clock()
    display = LiveDisplay(stream, clock=clock)

    display.begin("pull")
    clock.now = 1.25
    display.line(HOOK)

    running = "  pull          …                                              1.2s"
    assert screen(stream.getvalue()) == [HOOK, running]

    display.line(PULL)
    display.close()

    assert screen(stream.getvalue()) == [HOOK, PULL, ""]


def test_closing_erases_what_is_still_running() -> None:
    stream = io.StringIO()
    display = LiveDisplay(stream, clock=Clock())

    display.begin("pull")
    display.close()
    display.close()

    assert screen(stream.getvalue()) == [""]


def test_a_running_line_never_wraps() -> None:
    stream = io.StringIO()
    display = LiveDisplay(stream, clock=Clock())

    display.begin("a" * 200)
    display.close()

    assert max(len(part) for part in stream.getvalue().split("\r\x1b[2K")) == 79


def test_without_a_terminal_only_finished_lines_are_printed() -> None:
    stderr = io.StringIO()
    from pvdify.cli.io import Io

    display = PlainDisplay(Io(stdin=io.StringIO(), stdout=io.StringIO(), stderr=stderr))

    display.begin("pull")
    display.line(PULL)
    display.close()

    assert Ran(stderr=stderr.getvalue()) == Ran(stderr=f"{PULL}\n")
