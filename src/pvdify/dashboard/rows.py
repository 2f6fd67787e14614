"""The rows of the start page. An app's row is rendered again only if something in it has changed."""

from dataclasses import dataclass

from markupsafe import Markup

from pvdify.dashboard.formats import moment
from pvdify.dashboard.rendering import render
from pvdify.engine.reading.samples import Rates
from pvdify.engine.reading.views import AppView

MOST = 5000  # rows that are kept
_MOMENT = Markup("<!--moment-->")  # the place of a relative time; escaped text cannot contain it


@dataclass(frozen=True, kw_only=True)
class Row:
    """An app in the list. ``running`` and ``wanted``: numbers of instances."""

    view: AppView
    environment: str
    running: int
    wanted: int
    rates: Rates
    spark: Markup


class RenderedRows:
    """The rows as they were last rendered, by app; shared by all readers."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Row, tuple[str, ...]]] = {}

    def html(self, row: Row) -> Markup:
        """Return the row as HTML."""
        name = row.view.app.name
        known, parts = self._known.get(name, (None, ()))
        if known is None or not _is_same(known, row):
            parts = tuple(render("parts/now_row.html", row=row, moment=_MOMENT).split(_MOMENT))
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[name] = (row, parts)
        deployed_at = row.view.live.created_at if row.view.live else None
        return Markup(str(moment(deployed_at)).join(parts))  # noqa: S704 - rendered by us


def _is_same(known: Row, row: Row) -> bool:
    # The view is the same object as long as the app has not changed, so it is not compared field by field.
    return (
        known.view is row.view
        and (known.running, known.wanted, known.spark) == (row.running, row.wanted, row.spark)
        and known.rates == row.rates
    )
