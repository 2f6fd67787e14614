"""Every page of the table: who may see it, what it contains, and that all foreign text in it is escaped."""

import gzip
import itertools
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

import pvdify.dashboard
from pvdify.cli.command_table import COMMANDS
from pvdify.dashboard import static_files
from pvdify.dashboard.routes import PAGES
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.release import Source
from pvdify.model.token import Actor, Role
from tests.support.wanted import deploy_request
from tests.unit.dashboard.conftest import IMAGE, Site
from tests.unit.dashboard.hostile import HOSTILE

FOLDER = Path(pvdify.dashboard.__file__).parent
LARGEST_PAGE, LARGEST_SCRIPTS = 30_000, 20_000
OF_APP = ("", "/releases", "/releases/1", "/logs", "/router-log", "/config", "/domains", "/state", "/previews")
SHOWN = ("/", "/activity", "/server", *(f"/apps/shop{path}" for path in OF_APP))
ATTRIBUTES = re.compile(r"on[a-z]+|style|srcdoc|hx-on.*|formaction")


class Markup(HTMLParser):
    """Collect the tags and texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def markup(content: bytes) -> Markup:
    found = Markup()
    found.feed(content.decode())
    return found


@pytest.fixture
async def shop(site: Site) -> Site:
    await site.daemon.deploy(image=IMAGE)
    await site.daemon.requests.change_config("shop", {"LOG_LEVEL": Secret("info")}, Actor(name="ada", role=Role.ADMIN))
    return site


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_every_page_is_shown_to_every_role(shop: Site, role: Role) -> None:
    browser = await shop.signed_in(role)

    answers = {path: await browser.get(path) for path in SHOWN}

    assert {path: it.status for path, it in answers.items() if it.status != 200} == {}
    assert [path for path, it in answers.items() if b"<h1" not in it.content] == []


async def test_no_page_contains_content_that_the_policy_forbids(shop: Site) -> None:
    browser = await shop.signed_in()

    found = {path: markup((await browser.get(path)).content).tags for path in SHOWN}

    for path, tags in found.items():
        for tag, attributes in tags:
            assert tag != "style", path
            assert tag != "script" or (attributes.get("src") or "").startswith("/static/"), path
            assert not [name for name in attributes if ATTRIBUTES.fullmatch(name)], (path, tag, attributes)


async def test_person_of_one_app_sees_nothing_of_another(shop: Site) -> None:
    await shop.daemon.requests.create_app("secretive", Actor(name="ada", role=Role.ADMIN))
    browser = await shop.signed_in(Role.DEPLOY, "shop")

    for path in ("/", "/activity", "/server", "/palette", "/activity/export"):
        assert b"secretive" not in (await browser.get(path)).content, path
    assert (await browser.get("/apps/secretive")).status == 403


def _action_paths() -> set[str]:
    return {page.path for page in PAGES if page.method == "POST"}


async def test_every_form_posts_to_an_existing_action(shop: Site) -> None:
    browser = await shop.signed_in()
    patterns = [re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)) for path in _action_paths()]

    for path in SHOWN:
        for tag, attributes in markup((await browser.get(path)).content).tags:
            if tag == "form" and attributes.get("method") == "post":
                action = attributes["action"] or ""
                assert any(pattern.fullmatch(action) for pattern in patterns), (path, action)


async def test_reader_is_offered_no_action(shop: Site) -> None:
    browser = await shop.signed_in(Role.READ)
    own = {"/sign-out"}

    for path in SHOWN:
        forms = [a for tag, a in markup((await browser.get(path)).content).tags if tag == "form"]
        assert {a["action"] for a in forms if a.get("method") == "post"} <= own, path


@pytest.mark.parametrize("file", sorted((FOLDER / "templates").rglob("*.html")), ids=lambda file: file.name)
def test_every_command_in_a_template_exists(file: Path) -> None:
    text = re.sub(r"\{[{%#].*?[}%#]\}", "X", file.read_text(encoding="utf-8"))
    named = re.findall(r"(?<!gh )(?:<code>|\")pvdify ([a-z]+(?::[a-z]+)?)", text)

    assert not [name for name in named if name not in COMMANDS]


async def test_hostile_text_stays_text_on_every_page(site: Site) -> None:
    browser = await site.signed_in()
    await make_hostile(site)

    for path in (*SHOWN, "/activity?n=500", "/apps/shop/logs?lines=500"):
        answer = await browser.get(path)
        assert answer.status == 200, path
        for tag, attributes in markup(answer.content).tags:
            assert tag in ALLOWED, (path, tag)
            assert not [name for name in attributes if ATTRIBUTES.fullmatch(name)], (path, attributes)
            for name in ("href", "src", "action", "hx-get", "data-live"):
                assert not (attributes.get(name) or "").strip().lower().startswith(("javascript:", "data:")), path
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", answer.content.decode()), path


TAGS = (
    "a b body br button code datalist dd details div dl dt figcaption figure footer form g h1 h2 h3 head header html",
    "input kbd label li line link main meta nav noscript option p polygon polyline pre rect script select span strong",
    "summary svg table tbody td textarea th thead time title tr ul",
)
ALLOWED = frozenset(" ".join(TAGS).split())


async def make_hostile(site: Site) -> None:
    """Put hostile texts wherever a person, a CI job or a program can put text."""
    names = itertools.cycle(HOSTILE)
    await site.daemon.deploy(image=IMAGE)
    for text in HOSTILE[::6]:
        actor = Actor(name=text, role=Role.ADMIN)
        request = deploy_request(image=IMAGE, source=Source(commit=text, branch=text))
        await site.daemon.finish("shop", (await site.daemon.requests.deploy("shop", request, actor)).version)
    for number, text in enumerate(HOSTILE):
        actor = Actor(name=text, role=Role.ADMIN, address=text)
        changes = {f"TEXT_{number}": Secret(text.replace("\0", ""))}
        await site.daemon.requests.change_config("shop", changes, actor)
        for name in site.machine.supervisor.running:
            site.machine.supervisor.write(name, text)
        event = Event(
            at=datetime.now(UTC), actor=next(names), action=Action.JOB_FAILED, app="shop", text=text, address=text
        )
        await site.machine.store.save(event)
        if text.isprintable():
            await site.daemon.tokens.create(text[:80], Role.READ, None, None, actor)


async def test_secret_is_on_no_page_until_it_is_revealed(shop: Site) -> None:
    browser = await shop.signed_in()
    await browser.get("/apps/shop/config")
    await browser.post("/apps/shop/config", {"name": "KEY", "value": "hunter2-hunter2", "is_secret": "yes"})

    for path in (*SHOWN, "/apps/shop/config?edit=KEY"):
        assert b"hunter2-hunter2" not in (await browser.get(path)).content, path
    revealed = await browser.post("/apps/shop/config/reveal", {"name": "KEY"})

    assert b"hunter2-hunter2" in revealed.content
    assert (
        b"secret.revealed" in (await browser.get("/activity")).content
        or b"KEY" in (await browser.get("/activity")).content
    )


async def test_scripts_and_styles_are_small() -> None:
    scripts = [file for name, file in static_files.files().items() if name.endswith(".js")]

    assert sum(len(file.compressed) for file in scripts) <= LARGEST_SCRIPTS
    assert len(static_files.files()["pvdify.css"].compressed) <= 6_000


@pytest.mark.slow
async def test_pages_are_small_with_100_apps(site: Site) -> None:
    for number in range(100):
        await site.daemon.deploy(f"app-with-a-name-of-some-length-{number:03d}", image=IMAGE)
    browser = await site.signed_in()

    for path in ("/", "/activity", "/server", "/apps/app-with-a-name-of-some-length-007"):
        content = (await browser.get(path, accept_encoding="gzip")).content
        assert gzip.decompress(content).startswith(b"<!doctype html>")
        assert len(content) <= LARGEST_PAGE, (path, len(content))
