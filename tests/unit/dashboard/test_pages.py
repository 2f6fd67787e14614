"""What every page has in common: headers, escaping, errors, and the table that lists them."""

import re
from pathlib import Path

import pytest

import pvdify.dashboard
from pvdify.dashboard import static_files
from pvdify.dashboard.rendering import environment
from pvdify.dashboard.routes import PAGES
from pvdify.model.token import Role
from tests.unit.dashboard.conftest import ADMIN, Site

FOLDER = Path(pvdify.dashboard.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("**/*.html"))


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/static/pvdify.css", "/static/../routes.py"])
async def test_every_answer_forbids_content_from_elsewhere(site: Site, path: str) -> None:
    browser = await site.signed_in()

    headers = (await browser.get(path)).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'", "'none'")
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_script_or_style_of_its_own(template: Path) -> None:
    text = template.read_text(encoding="utf-8")

    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|<script(?![^>]*\ssrc=)", text, re.IGNORECASE)
    assert "| safe" not in text
    assert "|safe" not in text
    assert "autoescape" not in text


def test_every_form_that_posts_has_a_token() -> None:
    for template in TEMPLATES:
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", template.read_text(encoding="utf-8"), re.DOTALL):
            assert 'name="csrf"' in form, template.name


@pytest.mark.parametrize(
    ("template", "commands"),
    [
        ("app.html", ['pause " ~ app ~ " --for 1m']),
        ("config.html", ["config:unset", "config:rollback"]),
        ("domains.html", ["domains:remove"]),
        ("people.html", ["users:role", "users:invite NAME --again", "users:remove", "sessions:revoke"]),
        ("previews.html", ["preview:keep", "preview:close"]),
        ("releases.html", ["rollback {{ app }} --version"]),
        ("server.html", ["tokens:revoke", "registry:logout", "notify:test", "notify:remove"]),
        ("state.html", ["volumes:restore", "jobs:run", "jobs:pause", "jobs:resume"]),
    ],
)
def test_the_actions_of_tables_show_their_commands(template: str, commands: list[str]) -> None:
    text = (FOLDER / "templates" / template).read_text(encoding="utf-8")

    assert [command for command in commands if f"pvdify {command}" not in text] == []


def test_every_template_can_be_read() -> None:
    for template in TEMPLATES:
        environment().get_template(template.relative_to(FOLDER / "templates").as_posix())


async def test_hostile_text_is_shown_as_text(site: Site) -> None:
    answer = await (await site.signed_in()).get("/<script>alert(1)</script>")

    assert answer.status == 404
    assert b"<script>alert" not in answer.content
    assert b"&lt;script&gt;" in answer.content


async def test_the_start_page_shows_what_the_reader_may_see(site: Site) -> None:
    await site.daemon.requests.create_app("shop", ADMIN)
    await site.daemon.requests.create_app("blog", ADMIN)

    everything = (await (await site.signed_in(Role.READ)).get("/")).content
    own = (await (await site.signed_in(Role.READ, "shop")).get("/")).content

    assert (b"shop" in everything, b"blog" in everything) == (True, True)
    assert (b"shop" in own, b"blog" in own) == (True, False)


async def test_an_internal_error_is_a_page_with_a_reference(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await site.signed_in()

    async def fail() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(site.engine.queries, "apps", fail)
    with pytest.raises(RuntimeError):  # as the server that carries us sees it, after the answer
        await browser.get("/")


async def test_the_api_and_metrics_keep_their_paths(site: Site) -> None:
    browser = await site.signed_in()

    assert (await browser.get("/api/v1/health")).json["status"] == "ok"
    assert (await browser.get("/api/v1/apps")).status == 401  # a session is for pages alone
    assert (await browser.get("/metrics")).status == 401


def test_no_page_is_listed_twice() -> None:
    listed = [(page.method, page.path) for page in PAGES]

    assert len(listed) == len(set(listed))


async def test_static_files_are_kept_by_browsers_until_they_change(site: Site) -> None:
    browser = site.browser()
    for name, file in static_files.files().items():
        answer = await browser.get(static_files.address_of(name), accept_encoding="gzip, br")
        assert (answer.status, answer.headers["content-encoding"], answer.content) == (200, "gzip", file.compressed)
        assert "immutable" in answer.headers["cache-control"]
        plain = await browser.get(f"/static/{name}")
        assert (plain.content, plain.headers["cache-control"]) == (file.content, "no-cache")


def test_scripts_are_small() -> None:
    scripts = [file for name, file in static_files.files().items() if name.endswith(".js")]

    assert sum(len(file.compressed) for file in scripts) <= 20 * 1024


def test_vendored_files_have_their_published_hash() -> None:
    for line in (FOLDER / "static/vendor/README.md").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|", line):
            import hashlib

            assert hashlib.sha256((FOLDER / "static/vendor" / found[1]).read_bytes()).hexdigest() == found[2]


async def test_the_server_page_names_the_runtime_in_effect_and_a_move(site: Site) -> None:
    browser = await site.signed_in()
    moves = site.daemon.runtime_moves
    other = "podman" if (await moves.in_effect()).name == "systemd" else "systemd"

    before = (await browser.get("/server")).content.decode()
    await moves.choose(other, ADMIN)
    after = (await browser.get("/server")).content.decode()

    assert f"<dt>Runtime</dt><dd>{other}" not in before
    assert f"<dt>Runtime</dt><dd>{other}; apps are moving to it" in after


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/apps/shop/rollback", {"version": "9" * 5000}),
        ("/apps/shop/rollback", {"version": "9" * 19}),
        ("/apps/shop/rollback", {"version": "\u0663"}),
        ("/apps/shop/config/rollback", {"version": "9" * 5000}),
        ("/apps/shop/scale", {"process": "web", "count": "9" * 5000}),
        ("/server/tokens", {"name": "ci", "role": "read", "days": "9" * 5000}),
    ],
)
async def test_a_form_with_a_huge_number_is_refused(site: Site, path: str, form: dict[str, str]) -> None:
    await site.daemon.deploy()
    browser = await site.signed_in()

    answer = await browser.post(path, form)

    assert answer.status == 422
