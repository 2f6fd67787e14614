"""Many lines of conmon's logs: the same lines as ``tail``, without having all in memory."""

import tracemalloc
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvdify.adapters.podman.logs import log_history
from pvdify.adapters.podman.logs.logs import LogFiles
from tests.fakes.clock import FakeClock

BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = ("pvdify-shop-web-v1-1", "pvdify-shop-web-v1-2")
MEGABYTE = 1024 * 1024


def record(moment: int, flag: str, text: str, stream: str = "stdout") -> str:
    return f"{(BEGIN + timedelta(milliseconds=moment)).isoformat()} {stream} {flag} {text}"


RECORDS = st.lists(st.tuples(st.sampled_from("FFFP"), st.text("ab ", max_size=40)), max_size=60)


@pytest.mark.slow
@given(
    first=RECORDS, second=RECORDS, count=st.integers(1, 70), since=st.none() | st.integers(-1, 130),
    is_ended=st.booleans(), chunk=st.integers(1, 200),
)  # fmt: skip
@settings(deadline=None, max_examples=300)
async def test_history_returns_the_same_lines_as_tail(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[str, str]], second: list[tuple[str, str]], count: int,
    since: int | None, is_ended: bool, chunk: int,
) -> None:  # fmt: skip
    directory = tmp_path_factory.mktemp("logs")
    (directory / "shop").mkdir()
    paths = [(name, directory / "shop" / f"{name}.log") for name in NAMES]
    for offset, ((_, path), records) in enumerate(zip(paths, (first, second), strict=True)):
        lines = [record(2 * at + offset, flag, text) for at, (flag, text) in enumerate(records)]
        path.write_text("\n".join(lines) + ("\n" if is_ended and lines else ""))
    moment = None if since is None else BEGIN + timedelta(milliseconds=since)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(log_history, "CHUNK", chunk)  # so that few lines are many chunks

        found = tuple(log_history.last_lines(paths, count, moment))

    logs = LogFiles(directory, FakeClock(), instances=directory / "none")
    assert found == await logs.tail(NAMES, count, moment)


@pytest.mark.slow
def test_a_hundred_thousand_lines_take_a_few_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    with path.open("w") as file:
        file.writelines(record(at, "F", f"line {at} " + "x" * 100) + "\n" for at in range(120_000))
    tracemalloc.start()
    try:
        found = deque(enumerate(log_history.last_lines([(NAMES[0], path)], 100_000, None), start=1), maxlen=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    ((number, last),) = found
    assert (number, last.text[:12]) == (100_000, "line 119999 ")
    assert peak < 8 * MEGABYTE
