"""The tasks of a new user, from the start page without documentation; clicks are counted."""

import re

from playwright.sync_api import expect

from tests.browser.visitors import PATIENCE_MS, Visitor
from tests.fakes.behaviour import Behaviour
from tests.fakes.sample_server import REGISTRY

MOST_CLICKS = 5


def _push(visitor: Visitor, reference: str, behaviour: Behaviour | None = None) -> None:
    async def push() -> None:
        machine = visitor.site.server.machine
        image = machine.registry.push(reference)
        if behaviour is not None:
            machine.supervisor.script(behaviour, image_id=image.image_id)

    visitor.site.call(push)


def _deploy(visitor: Visitor, app: str, image: str) -> None:
    page = visitor.go("/")
    page.get_by_label("App", exact=True).fill(app)
    page.get_by_label("Image", exact=True).fill(image)
    visitor.click("Deploy", exact=True)


def test_deploy_find_the_failure_and_roll_back(visitor: Visitor) -> None:
    page = visitor.page
    for tag in ("v1", "v2"):
        _push(visitor, f"{REGISTRY}/journey:{tag}")
    bad = Behaviour(exit_code=1, lines=("KeyError: 'PAYMENT_URL'",))
    _push(visitor, f"{REGISTRY}/journey:v3", bad)

    _deploy(visitor, "journey", f"{REGISTRY}/journey:v1")
    expect(page.locator("#release h2")).to_contain_text("active", timeout=PATIENCE_MS)
    assert visitor.clicks == 1

    _deploy(visitor, "journey", f"{REGISTRY}/journey:v2")
    expect(page.locator("#release h2")).to_contain_text("active", timeout=PATIENCE_MS)
    _deploy(visitor, "journey", f"{REGISTRY}/journey:v3")
    expect(page.locator("#release h2")).to_contain_text("failed", timeout=PATIENCE_MS)

    # a colleague finds why, from the start page
    visitor.clicks = 0
    visitor.go("/")
    page.locator(".attention li", has_text="journey").get_by_role("link").first.click()
    visitor.clicks += 1
    expect(page.locator("main")).to_contain_text("PAYMENT_URL")
    expect(page.locator(".steps .failed th")).to_be_visible()
    assert visitor.clicks <= MOST_CLICKS

    # and rolls the live release back
    visitor.clicks = 0
    visitor.go("/")
    visitor.click("journey", "link", exact=True)
    visitor.click("Undo: back to v1")
    expect(page.locator("#release h2")).to_contain_text("active", timeout=PATIENCE_MS)
    expect(page.locator("main")).to_contain_text("rollback to v1")
    assert visitor.clicks <= MOST_CLICKS
    assert visitor.complaints == []


def test_read_the_last_error(visitor: Visitor) -> None:
    async def write() -> None:
        supervisor = visitor.site.server.machine.supervisor
        for name in supervisor.running:
            if "-shop-web-" in name:
                supervisor.write(name, "error: the last straw, order 4711")

    visitor.site.call(write)
    page = visitor.go("/")

    visitor.click("shop", "link", exact=True)
    visitor.click("Logs", "link", exact=True)
    visitor.click("Errors only", "link")

    expect(page.locator("#log")).to_contain_text("the last straw, order 4711")
    assert page.locator("#log p:not(.error)").count() == 0
    assert visitor.clicks <= MOST_CLICKS


def test_change_a_secret_and_apply_it(visitor: Visitor) -> None:
    page = visitor.go("/")

    visitor.click("shop", "link", exact=True)
    visitor.click("Config", "link", exact=True)
    visitor.click("Change DATABASE_URL", "link")
    page.get_by_role("textbox", name="Value").fill("postgres://shop:n3w-S3cret@db/shop")
    visitor.click("Set", exact=True)
    expect(page.locator("main")).to_contain_text("DATABASE_URL")
    expect(page.locator("main")).not_to_contain_text("n3w-S3cret")
    visitor.click("Deploy to apply")

    expect(page.locator("#release h2")).to_contain_text("active", timeout=PATIENCE_MS)
    assert visitor.clicks <= MOST_CLICKS
    assert visitor.complaints == []


def test_a_followed_log_is_paused_and_resumed_without_a_gap(visitor: Visitor) -> None:
    supervisor = visitor.site.server.machine.supervisor
    name = next(name for name in sorted(supervisor.running) if "-api-web-" in name)

    def write(first: int, last: int) -> None:
        async def lines() -> None:
            for number in range(first, last):
                supervisor.write(name, f"numbered line {number:04d}.")

        visitor.site.call(lines)

    page = visitor.go("/apps/api/logs?text=numbered")
    expect(page.locator("#log-state")).to_contain_text("Following")
    page.wait_for_timeout(500)
    write(0, 50)
    expect(page.locator("#log")).to_contain_text("line 0049.")
    visitor.click("Pause")
    write(50, 100)
    expect(page.locator("#log-state")).to_contain_text("new")
    assert "line 0099." not in page.locator("#log").inner_text()
    visitor.click("Go on")
    expect(page.locator("#log")).to_contain_text("line 0099.")
    page.context.set_offline(True)
    write(100, 120)
    page.context.set_offline(False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#log")).to_contain_text("line 0119.", timeout=PATIENCE_MS)

    found = [int(number) for number in re.findall(r"numbered line (\d+)\.", page.locator("#log").inner_text())]
    assert found == list(range(120))


def test_keyboard_shortcuts_do_what_the_help_says(visitor: Visitor) -> None:
    page = visitor.go("/")

    page.keyboard.press("/")
    page.keyboard.type("staging")
    assert page.locator("#apps tbody tr:visible").count() == 1
    page.locator("main").focus()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/apps/shop-staging")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/apps/shop-staging/config")
    page.keyboard.press("Control+k")
    page.get_by_role("option").nth(4).wait_for()
    page.keyboard.type("blog logs")
    page.keyboard.press("Enter")
    page.wait_for_url("**/apps/blog/logs")
    page.locator("main").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next and previous row")
    page.keyboard.press("Escape")
    assert visitor.complaints == []
