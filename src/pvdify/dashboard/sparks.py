"""The small charts of the start page: the requests of an app in the last 24 hours."""

from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from pvdify.dashboard.charts import sparkline
from pvdify.engine.reading.samples import Samples
from pvdify.model.app import App
from pvdify.model.samples import Measure, step_of

MOST_KEPT = 5000  # charts
_POINTS, _WIDTH = 24, 72


@dataclass(frozen=True)
class _Drawn:
    """A chart, with the app and the step it was drawn for. ``at``: the time of the newest sample then."""

    created_at: datetime
    step: int
    at: datetime | None
    chart: Markup


class Sparks:
    """The charts as they were last drawn, by app; shared by all readers.

    A chart is drawn again for each step of five minutes, which moves it by a quarter of a pixel.
    """

    def __init__(self) -> None:
        self._drawn: dict[str, _Drawn] = {}

    def of(self, app: App, samples: Samples) -> Markup:
        """Return the chart of an app; empty if it had no request."""
        step = step_of(datetime.now(UTC))
        known = self._drawn.get(app.name)
        # An app may have been removed and made again. An app without requests may have one in the next sample.
        if known is None or (known.created_at, known.step) != (app.created_at, step) or _may_begin(known, samples):
            if len(self._drawn) >= MOST_KEPT:
                self._drawn.clear()
            known = _Drawn(app.created_at, step, samples.at, _draw(app.name, samples))
            self._drawn[app.name] = known
        return known.chart


def _may_begin(known: _Drawn, samples: Samples) -> bool:
    return not known.chart and known.at != samples.at


def _draw(app: str, samples: Samples) -> Markup:
    day = samples.day(app, Measure.REQUESTS)
    return sparkline(day, f"requests of {app} over 24 hours", _POINTS, _WIDTH) if any(day) else Markup("")
