"""The rows of the start page: what has not changed is not rendered again, and nothing outdated is shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from markupsafe import Markup

from pvdify.dashboard import rows
from pvdify.dashboard.rows import ROWS, RenderedRows, Row, Wanted, find
from pvdify.dashboard.sparks import Sparks
from pvdify.engine.reading.samples import Rates
from pvdify.engine.reading.views import AppView
from pvdify.manifest.definition import Manifest
from pvdify.manifest.parts import ProcessType
from pvdify.model.app import App
from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.route import Traffic
from pvdify.model.scale import Choice, Scale
from pvdify.model.status import Status, StatusWord
from tests.fakes.machine import Machine

NOW = datetime.now(UTC)
RELEASE = Release(
    app="shop", version=3, image="ghcr.io/org/shop:v3", config_version=1, manifest=Manifest(),
    status=ReleaseStatus.ACTIVE, created_at=NOW - timedelta(hours=2), created_by="ann", description="",
)  # fmt: skip
TWO = Manifest(processes={"web": ProcessType(count=2)})
SCALED = Scale(app="shop", chosen={"web": Choice(count=5, instead_of=2)})


def view(**changes: Any) -> AppView:
    app = App(name="shop", created_at=NOW, updated_at=NOW)
    made = AppView(
        app=app, live=RELEASE, status=Status(word=StatusWord.LIVE, since=NOW), hostnames=(), scale=Scale(app="shop")
    )
    return replace(made, **changes)


ROW = Row(view=view(scale=Scale(app="shop")), running=1, rates=Rates(), spark=Markup(""))


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of templates that were rendered."""
    names: list[str] = []
    real = rows.render

    def render(template: str, **context: object) -> str:
        names.append(template)
        return real(template, **context)

    monkeypatch.setattr(rows, "render", render)
    return names


def test_an_unchanged_row_is_rendered_once(rendered: list[str]) -> None:
    known = RenderedRows()

    first, second = known.html([ROW]), known.html([replace(ROW)])

    assert first == second
    assert len(rendered) == 1
    assert "v3" in first


def test_figures_are_current_without_another_rendering(rendered: list[str]) -> None:
    known = RenderedRows()
    assert ">437<" not in known.html([ROW])

    html = known.html([replace(ROW, running=7, rates=Rates(requests=437.0), spark=Markup("<svg></svg>"))])

    assert all(text in html for text in (">7/1<", ">437<", "<svg></svg>"))
    assert len(rendered) == 1


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"status": Status(word=StatusWord.DOWN, cause="exit 7", since=NOW)}, "exit 7"),
        ({"live": replace(RELEASE, version=4)}, "/releases/4"),
        ({"live": replace(RELEASE, created_by="bob")}, "bob"),
        ({"live": replace(RELEASE, manifest=TWO), "scale": Scale(app="shop")}, "1/2"),
        (
            {
                "live": replace(RELEASE, manifest=TWO),
                "scale": Scale(app="shop", chosen={"web": Choice(count=5, instead_of=2)}),
            },
            "1/5",
        ),
        ({"live": None}, ">none<"),
    ],
)
def test_a_changed_app_is_rendered_again(changes: dict[str, Any], shown: str) -> None:
    known = RenderedRows()
    assert shown not in known.html([ROW])

    assert shown in known.html([replace(ROW, view=view(**changes))])


def test_an_app_that_was_made_again_has_nothing_of_the_one_before() -> None:
    known = RenderedRows()
    known.html([ROW])

    html = known.html([replace(ROW, view=view(live=None))])

    assert "v3" not in html
    assert "<time" not in html


def test_a_relative_time_is_never_older_than_the_page(rendered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    known = RenderedRows()
    known.html([ROW])

    monkeypatch.setattr(rows, "moment", lambda _: Markup("<time>3 days ago</time>"))

    assert "<time>3 days ago</time>" in known.html([ROW])
    assert len(rendered) == 1


@pytest.mark.parametrize("place", ["<!--moment-->", "<!--figures-->"])
def test_a_text_cannot_pretend_to_be_a_place(place: str) -> None:
    hostile = view(live=replace(RELEASE, created_by=place))

    html = RenderedRows().html([replace(ROW, view=hostile)])

    assert html.count("<time") == html.count('data-name="memory"') == 1
    assert place.replace("<", "&lt;").replace(">", "&gt;") in html


def test_figures_are_escaped() -> None:
    html = RenderedRows().html([replace(ROW, rates=Rates(requests=1e6, errors=1.0, wait=0.0001))])

    assert ">&lt;0.1 %<" in html
    assert ">&lt;1 ms<" in html


def named(number: int, word: StatusWord = StatusWord.LIVE, **changes: Any) -> AppView:
    app = App(name=f"app-{number:04d}", created_at=NOW, updated_at=NOW)
    return view(app=app, status=Status(word=word, since=NOW), **changes)


def test_pages_contain_every_app_once_with_problems_first() -> None:
    apps = [named(number) for number in range(2 * ROWS + 5)]
    apps[ROWS + 3] = ill = named(ROWS + 3, StatusWord.CRASHING)

    pages = [find(apps, Wanted(page=number)) for number in (1, 2, 3)]

    assert [len(page.views) for page in pages] == [ROWS, ROWS, 5]
    assert pages[0].views[0] is ill
    shown = [it.app.name for page in pages for it in page.views if it is not ill]
    assert shown == [it.app.name for it in apps if it is not ill]
    assert {(page.pages, page.count, page.total) for page in pages} == {(3, len(apps), len(apps))}


def test_a_page_after_the_last_one_is_the_last_one() -> None:
    apps = [named(number) for number in range(ROWS + 1)]

    assert find(apps, Wanted(page=99)).page == 2
    assert find([], Wanted(page=3)).page == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 40),
        ("APP-0007", 1),
        ("app 003", 11),
        ("crash", 1),
        ("v3 live", 39),
        ("ann", 40),
        ("v3x", 0),
        ("preview", 0),
    ],
)
def test_a_filter_finds_apps_by_the_words_of_their_rows(text: str, count: int) -> None:
    apps = [named(number) for number in range(39)] + [named(39, StatusWord.CRASHING)]

    found = find(apps, Wanted(text=text))

    assert (found.count, len(found.views), found.total) == (count, count, 40)


async def test_a_chart_follows_the_samples_of_its_app() -> None:
    machine = Machine()
    machine.registry.push("reg.example.com/shop:v1")
    daemon = machine.daemon()
    await daemon.deploy(image="reg.example.com/shop:v1")
    samples, app, sparks = daemon.samples, App(name="shop", created_at=NOW, updated_at=NOW), Sparks()
    await samples.take()
    before = sparks.of(app, samples)
    machine.router.serve("shop", 1, Traffic(requests=30))
    await machine.clock.sleep(10)
    await samples.take()

    chart = sparks.of(app, samples)

    assert before == ""
    assert "<svg" in chart
    assert sparks.of(replace(app, created_at=NOW + timedelta(hours=1)), samples) is not chart
    await daemon.bury()
