"""The list of apps on the start page, in pages of ``ROWS``. A row is rendered again only if its app has changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from pvdify.dashboard.formats import moment, percent, rate, short_image, size, wait
from pvdify.dashboard.rendering import render
from pvdify.engine.reading.samples import Rates
from pvdify.engine.reading.views import AppView
from pvdify.model.names import environment_of

ROWS = 200  # apps on one page, which stays below 30 kB when it is compressed
MOST_KEPT = 5000  # rows
_MOMENT, _FIGURES = Markup("<!--moment-->"), Markup("<!--figures-->")  # their places; escaped text cannot contain these
_ORDER = ("crashing", "down", "degraded", "held", "maintenance", "deploying")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The part of the list that a reader asks for. ``text``: words that a row must contain. ``page``: from 1."""

    text: str = ""
    page: int = 1


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of the list. ``count``: apps that match the filter; ``total``: all apps that the reader may see."""

    views: Sequence[AppView]
    count: int
    total: int
    page: int
    pages: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """An app in the list. ``running``: the number of running instances."""

    view: AppView
    running: int
    rates: Rates
    spark: Markup


@dataclass(frozen=True, kw_only=True)
class _Known:
    """The parts of a row that depend on its view alone. ``wanted``: the number of instances."""

    view: AppView
    parts: tuple[str, ...]
    wanted: int


def find(apps: Sequence[AppView], wanted: Wanted) -> Found:
    """Return the apps of a page: those with a problem first, then by name. A page after the last one is the last."""
    words = wanted.text.casefold().split()
    found = [view for view in apps if _matches(view, words)] if words else list(apps)
    found.sort(key=_place)
    pages = max(1, -(-len(found) // ROWS))
    page = min(wanted.page, pages)
    views = found[(page - 1) * ROWS : page * ROWS]
    return Found(views=views, count=len(found), total=len(apps), page=page, pages=pages)


class RenderedRows:
    """The rows as they were last rendered, by app; shared by all readers."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def html(self, rows: Sequence[Row]) -> Markup:
        """Return the rows as HTML. Times are relative to now."""
        return Markup("".join(self._row(row) for row in rows))  # noqa: S704 - rendered by us

    def _row(self, row: Row) -> str:
        view = row.view
        known = self._known.get(view.app.name)
        # The view is the same object as long as the app has not changed, so it is not compared field by field.
        if known is None or known.view is not view:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            known = self._known[view.app.name] = _render(view)
        figures = _figures(row, known.wanted)
        between = (figures,) if view.live is None else (moment(view.live.created_at), figures)
        return "".join(text for pair in zip(known.parts, (*between, ""), strict=True) for text in pair)


def _render(view: AppView) -> _Known:
    text = render(
        "parts/now_row.html", view=view, environment=environment_of(view.app.name).value, moment=_MOMENT,
        figures=_FIGURES,
    )  # fmt: skip
    parts = tuple(part for piece in text.split(_MOMENT) for part in piece.split(_FIGURES))
    counts = view.scale.counts(view.live.manifest) if view.live else {}
    return _Known(view=view, parts=parts, wanted=sum(counts.values()))


def _figures(row: Row, wanted: int) -> str:
    """Return the cells with figures. They change with each sample, so they need no template."""
    rates = row.rates
    return (
        f'<td class="number" data-name="instances">{row.running}/{wanted}</td>\n'
        f'<td class="number" data-name="req/s">{rate(rates.requests)}</td>\n'
        f"<td>{row.spark}</td>\n"
        f'<td class="number" data-name="5xx">{escape(percent(rates.error_share))}</td>\n'
        f'<td class="number" data-name="p95">{escape(wait(rates.wait))}</td>\n'
        f'<td class="number" data-name="memory">{size(rates.memory)}</td>\n'
    )


def _place(view: AppView) -> tuple[int, str]:
    word = view.status.word.value
    return (_ORDER.index(word) if word in _ORDER else len(_ORDER)), view.app.name


def _matches(view: AppView, words: Sequence[str]) -> bool:
    text = _shown_text(view).casefold()
    return all(word in text for word in words)


def _shown_text(view: AppView) -> str:
    """Return the texts of a row, as readers see them."""
    environment, live = environment_of(view.app.name).value, view.live
    shown = [view.app.name, "" if environment == "production" else environment]
    shown += [view.status.word.value, view.status.cause]
    if live is not None:
        shown += [f"v{live.version}", short_image(live.image), live.created_by, (live.source.commit or "")[:7]]
    return " ".join(shown)
