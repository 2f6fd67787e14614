"""A deploy that is watched in a browser while its stream is cut: no line is lost, and none is shown twice."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, Server

LINES = 28
HOOK = f"for number in $(seq 1 {LINES}); do echo line $number of the hook; sleep 0.25; done"


@pytest.fixture(scope="module")
def image(server: Server) -> str:
    """Built once: podman cannot build an image whose layers the daemon is removing."""
    return server.trial.push("v1")


def lines_of_the_hook(page: Page) -> list[int]:
    shown = page.locator("#deploy-log").inner_text()
    return [int(number) for number in re.findall(r"line (\d+) of the hook", shown)]


def suspend_laptop(server: Server, page: Page) -> None:
    """Suspend the connection for some seconds, as closing a laptop does."""
    page.context.set_offline(True)
    time.sleep(2)
    page.context.set_offline(False)


def kill_daemon(server: Server, page: Page) -> None:
    server.trial.kill()
    time.sleep(1)
    server.trial.start()


@pytest.mark.parametrize("cut", [suspend_laptop, kill_daemon])
def test_a_deploy_is_shown_whole_although_its_stream_was_cut(
    server: Server, image: str, new_page: NewPage, tmp_path: Path, cut: Callable[[Server, Page], None]
) -> None:
    app, manifest, page = cut.__name__.replace("_", "-"), tmp_path / "pvdify.yml", new_page()
    manifest.write_text(f'hooks: {{pre_deploy: ["{HOOK}"]}}\n')
    page.goto(server.link())
    page.wait_for_url(f"{server.url}/")
    server.pvdify("deploy", app, "--image", image, "--manifest", str(manifest), "--no-wait")
    page.goto(f"{server.url}/apps/{app}/releases/1")
    expect(page.locator("#deploy-log")).to_contain_text("line 5 of the hook", timeout=60_000)

    cut(server, page)

    expect(page.locator("#release h2")).to_contain_text("active", timeout=120_000)
    assert lines_of_the_hook(page) == list(range(1, LINES + 1))
    server.pvdify("apps:destroy", app, "--confirm", app)
