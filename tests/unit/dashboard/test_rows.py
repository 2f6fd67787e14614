"""The rows of the start page: what has not changed is not rendered again, and nothing outdated is shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from markupsafe import Markup

from pvdify.dashboard import rows
from pvdify.dashboard.rows import RenderedRows, Row
from pvdify.engine.reading.samples import Rates
from pvdify.engine.reading.views import AppView
from pvdify.manifest.definition import Manifest
from pvdify.model.app import App
from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.scale import Scale
from pvdify.model.status import Status, StatusWord

NOW = datetime.now(UTC)
RELEASE = Release(
    app="shop", version=3, image="ghcr.io/org/shop:v3", config_version=1, manifest=Manifest(),
    status=ReleaseStatus.ACTIVE, created_at=NOW - timedelta(hours=2), created_by="ann", description="",
)  # fmt: skip


def view(**changes: Any) -> AppView:
    app = App(name="shop", created_at=NOW, updated_at=NOW)
    made = AppView(
        app=app, live=RELEASE, status=Status(word=StatusWord.LIVE, since=NOW), hostnames=(), scale=Scale(app="shop")
    )
    return replace(made, **changes)


ROW = Row(view=view(), environment="production", running=1, wanted=1, rates=Rates(), spark=Markup(""))


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

    first, second = known.html(ROW), known.html(replace(ROW))

    assert first == second
    assert len(rendered) == 1
    assert "v3" in first


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"running": 0}, "0/1"),
        ({"wanted": 4}, "1/4"),
        ({"rates": Rates(requests=437.0)}, ">437<"),
        ({"spark": Markup("<svg></svg>")}, "<svg>"),
        ({"view": view(status=Status(word=StatusWord.DOWN, cause="exit 7", since=NOW))}, "exit 7"),
        ({"view": view(live=replace(RELEASE, version=4))}, "/releases/4"),
    ],
)
def test_a_changed_row_is_rendered_again(changes: dict[str, Any], shown: str) -> None:
    known = RenderedRows()
    assert shown not in known.html(ROW)

    assert shown in known.html(replace(ROW, **changes))


def test_a_relative_time_is_never_older_than_the_page(rendered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    known = RenderedRows()
    known.html(ROW)

    monkeypatch.setattr(rows, "moment", lambda _: Markup("<time>3 days ago</time>"))

    assert "<time>3 days ago</time>" in known.html(ROW)
    assert len(rendered) == 1


def test_a_text_cannot_pretend_to_be_the_place_of_the_time() -> None:
    hostile = view(live=replace(RELEASE, created_by="<!--moment-->"))

    html = RenderedRows().html(replace(ROW, view=hostile))

    assert html.count("<time") == 1
    assert "&lt;!--moment--&gt;" in html


def test_an_app_without_a_release_has_no_time() -> None:
    html = RenderedRows().html(replace(ROW, view=view(live=None)))

    assert "<time" not in html
    assert "none" in html
