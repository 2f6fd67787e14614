"""When a follower gets a line that has no end yet."""

from collections.abc import Callable, Mapping

from pvdify.adapters.systemd.lines import Lines
from pvdify.model.instance import LogLine
from pvdify.plumbing.containers import OutputEnd
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import PATIENCE

LOOK_EVERY_SECONDS = 0.25


class UnendedLines:
    """The lines without an end of followed instances, each returned PATIENCE seconds after its beginning.

    An end that was read is a point in the sequence of lines. Its text is returned when the journal has been read up to
    exactly this point: not before an earlier line, and not after the rest of its own line.

    Args:
        lines: all entries of the journal are added to it.
        readers: read the end of each instance's output.
        clock: the time.
    """

    def __init__(self, lines: Lines, readers: Mapping[str, Callable[[], OutputEnd | None]], clock: Clock) -> None:
        self._lines, self._readers, self._clock = lines, readers, clock
        self._noticed: dict[tuple[str, str], tuple[object, float]] = {}
        self._due: dict[str, tuple[OutputEnd, frozenset[str]]] = {}
        self._began = clock.now()
        self._looked_at = float("-inf")
        self._added_at: dict[str, float] = {}

    def look(self) -> list[LogLine]:
        """Return what is due. Reads the ends at most every LOOK_EVERY_SECONDS."""
        now = self._clock.monotonic()
        if now - self._looked_at < LOOK_EVERY_SECONDS:
            return []
        self._looked_at = now
        found = []
        for instance, read in self._readers.items():
            if instance not in self._due and (end := read()) is not None:
                streams = self._late_streams(instance, end, now)
                if streams:
                    self._due[instance] = (end, streams)
            found += self._take(instance)
        return found

    def added(self, instance: str) -> list[LogLine]:
        """Return what is due now that an entry of this instance was added."""
        self._added_at[instance] = self._clock.monotonic()
        if instance in self._due and not self._due[instance][0].is_exact:
            del self._due[instance]  # perhaps the line has ended; the next look reads the end again
        return self._take(instance)

    def _take(self, instance: str) -> list[LogLine]:
        if instance not in self._due:
            return []
        end, streams = self._due[instance]
        place = self._lines.place_of(instance, end)
        if not end.is_exact:  # it is not known how many lines are before it: there are no more if none comes
            is_quiet = self._clock.monotonic() - self._added_at.get(instance, float("-inf")) >= PATIENCE
            place = -1 if place < 0 or not is_quiet else 0
        if place < 0:
            return []
        del self._due[instance]
        return list(self._lines.show(instance, end, streams, self._began)) if place == 0 else []

    def _late_streams(self, instance: str, end: OutputEnd, now: float) -> frozenset[str]:
        """Return the streams with a line without an end that has waited for PATIENCE seconds."""
        late = set()
        for unended in end.unended:
            source = instance, unended.stream
            if not self._lines.has_news(instance, end, unended):
                self._noticed.pop(source, None)
                continue
            line, since = self._noticed.get(source, (None, now))
            if line != (end.container, unended.begun):
                line, since = (end.container, unended.begun), now
            self._noticed[source] = line, since
            if now - since >= PATIENCE or self._lines.is_late(instance, end, unended, self._clock.now()):
                late.add(unended.stream)
                del self._noticed[source]
        return frozenset(late)
