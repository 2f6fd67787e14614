"""Real Chromium against a real pvdifyd. Every page is watched: no error of a script, no report of the policy."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.visitors import site, visitor
from tests.e2e.trial import PVDIFY, Trial
from tests.support.accounts_server import CLIENT, SECRET, AccountsServer

__all__ = ["site", "visitor"]
CHROMIUM = shutil.which("chromium")
NewPage = Callable[..., Page]


@pytest.fixture(autouse=True, scope="session")
def _needs_a_machine() -> None:
    absent = [name for name in ("chromium", "podman", "docker-registry") if shutil.which(name) is None]
    if absent or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(absent) or 'containers'}; `make setup` installs what is missing")


@dataclass
class Server:
    """A pvdifyd whose people have accounts at ``accounts``, which is another site: another host to browsers."""

    trial: Trial
    accounts: AccountsServer

    @property
    def url(self) -> str:
        return f"http://localhost:{self.trial.stage.api_port}"

    def pvdify(self, *arguments: str) -> str:
        """What a command prints, asked as an admin."""
        environment = self.trial.stage.environment() | {"PVDIFY_URL": self.url, "PVDIFY_TOKEN": self.trial.stage.token}
        ran = subprocess.run(
            (*PVDIFY, *arguments), env=environment, capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def link(self) -> str:
        """A link that signs one browser in as the admin's token, as `pvdify open` gets it."""
        headers = {"Authorization": f"Bearer {self.trial.stage.token}"}
        request = urllib.request.Request(f"{self.url}/api/v1/sign-in-links", method="POST", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return f"{self.url}{json.load(answer)['path']}"


@pytest.fixture(scope="package")  # pvdifyd sees changes of all containers here, and would repair what later tests break
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    secret = tmp_path_factory.mktemp("secret") / "sign-in"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    with AccountsServer() as accounts:
        settings = (
            "--sign-in-with", accounts.url, "--sign-in-client-id", CLIENT, "--sign-in-client-secret-file", str(secret),
        )  # fmt: skip
        with Trial(*settings) as trial:
            trial.start()
            yield Server(trial=trial, accounts=accounts)


@pytest.fixture(scope="package")  # while Playwright runs, its event loop is in the way of tests that need one
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[NewPage]:
    """Make a page in a browser of its own, without cookies; ``has_scripts=False`` for one that runs none."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # Chromium complains of each answer that is an error, and htmx of a stream that ends: some tests ask for both.
        asked_for = ("Failed to load resource", "htmx: htmx:sse:error")
        if message.type in ("error", "warning") and not message.text.startswith(asked_for):
            complaints.append(message.text)

    def make(*, has_scripts: bool = True) -> Page:
        context = chromium.new_context(java_script_enabled=has_scripts)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []
