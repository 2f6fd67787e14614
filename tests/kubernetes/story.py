"""One story of an app, for a server with any runtime: what the command line returns and says at each step."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.kills import instances
from tests.kubernetes.trial import ClusterTrial
from tests.load import Load
from tests.load.report import Failure
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

APP = "hello"
SWAPS = 3
DIFFERENT_EACH_TIME = (
    (re.compile(r", before: \d+ of \d+ requests? \([^)]*\)"), ""),  # the guard's words, if it saw visitors before
    (re.compile(r"sha256:[0-9a-f]+"), "DIGEST"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"(\b\d+(\.\d+){3})?:\d{2,5}\b"), "ADDRESS"),  # in the cluster a whole one, here a port
    (re.compile(r"\b(release|operation|op)[-_ ][0-9a-z]{8,}\b"), "ID"),
    (re.compile(r"\d+(\.\d+)? ?(ms|s|min|h|MB|KB|kB|GB|MiB|%)(?!\w)"), "AMOUNT"),
    (re.compile(r"\b\d+ (of|requests?)\b"), r"COUNT \1"),
    (re.compile(r" +"), " "),
)  # fmt: skip
MANIFESTS = {
    "plain": "healthcheck: {interval: 500ms, retries: 20, timeout: 5s}\n",
    "guarded": "guard: {window: 120s, max_error_rate: 5%}\n",
    "hook": 'hooks: {pre_deploy: ["echo migrating; exit 9"]}\n',
    "unready": "healthcheck: {interval: 500ms, retries: 20, timeout: 5s}\n",
    "preview": f"app: {APP}\npreviews: {{close_delay: 1s}}\n",
}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command returned and said, without what differs each time."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """How many requests visitors send at least, how many visitors there are, and how many seconds each one pauses."""

    requests: int
    clients: int
    pause: float


@dataclass
class Story:
    """Told once with ``tell``.

    Args:
        trial: a started server.
        images: references of ``v1``, ``v2`` and ``broken``, which fails a fifth of the visits.
        folder: an empty folder.
        crowd: the visitors.
    """

    trial: ClusterTrial
    images: Mapping[str, str]
    folder: Path
    crowd: Crowd
    said: dict[str, Said] = field(default_factory=dict)
    sent: int = 0
    deploys: int = 0
    failures: list[Failure] = field(default_factory=list)
    errors_of_the_broken_release: int = 0
    other_failures_beside_it: list[Failure] = field(default_factory=list)
    serving: dict[str, str] = field(default_factory=dict)

    async def tell(self) -> None:
        for name, content in MANIFESTS.items():
            (self.folder / f"{name}.yml").write_text(content)
        await self._deploy("first deploy", "v1")
        async with self._visitors() as load:
            await self._swaps_and_rollback()
            await load.stop()
        await self._guard()
        async with self._visitors() as load:
            await self._preview()
            await self._failures()
            while self.sent + load.report.requests < self.crowd.requests:
                await self._deploy("", "v2" if self.serving["last"] == "v1" else "v1")
            await load.stop()
        await self._say("destroy", "apps:destroy", APP, "--confirm", APP)

    async def _swaps_and_rollback(self) -> None:
        for number in range(SWAPS):
            await self._deploy(f"swap {number + 1}", "v2" if number % 2 == 0 else "v1")
        await self._say("rollback", "rollback", APP)
        # A slot that still drains would be taken over, which is a matter of time.
        await asyncio.to_thread(wait_until, lambda: set(instances(self.trial).values()) <= {"live", "standby"})
        await self._say("rollback to a version", "rollback", APP, "v2")
        await self._say("plan of a rollback", "rollback", APP, "--plan")

    async def _guard(self) -> None:
        """The visitors of a release that fails a fifth of them see its errors, and no other failure."""
        async with Load(self.trial.stage.router, f"{APP}.{BASE_DOMAIN}", clients=4, pause=0.04) as load:
            await self._deploy("release with errors", "broken", "guarded")
            await asyncio.to_thread(wait_until, self.trial.is_idle)
            report = await load.stop()
        self.sent += report.requests
        self.errors_of_the_broken_release = sum(it.detail == "500" for it in report.failures)
        self.other_failures_beside_it = [it for it in report.failures if it.detail != "500"]

    async def _preview(self) -> None:
        preview, file = f"{APP}-pr-7", str(self.folder / "preview.yml")
        arguments = ("--pr", "7", "--image", self.images["v1"], "--manifest", file)
        await self._say("preview", "preview", APP, *arguments)
        self.serving["preview"] = (await asyncio.to_thread(self.trial.get, preview))[1]
        await self._say("preview closed", "preview:close", APP, "--pr", "7")
        await asyncio.to_thread(wait_until, lambda: self.trial.ask("GET", f"/apps/{preview}")[0] == 404)
        await asyncio.to_thread(wait_until, lambda: self.trial.left_of(preview) == [])
        await self._say("previews", "previews", APP)

    async def _failures(self) -> None:
        await self._deploy("failing hook", "v2", "hook")
        await self._say("config", "config:set", APP, "HEALTH_STATUS=503")
        await self._deploy("never ready", "v2", "unready")
        await self._say("config back", "config:unset", APP, "HEALTH_STATUS")
        nowhere = self.images["v1"].partition("@")[0] + ":nowhere"
        await self._say(
            "no such image", "deploy", APP, "--image", nowhere, "--manifest", str(self.folder / "plain.yml")
        )
        await self._deploy("deploy after failures", "v1")

    async def _deploy(self, step: str, version: str, manifest: str = "plain") -> None:
        file = str(self.folder / f"{manifest}.yml")
        await self._say(step, "deploy", APP, "--image", self.images[version], "--manifest", file)
        self.deploys += 1
        self.serving["last"] = (await asyncio.to_thread(self.trial.get, APP))[1]

    async def _say(self, step: str, *arguments: str) -> None:
        done = await asyncio.to_thread(self.trial.pvdify, *arguments, check=False)
        if step:
            self.said[step] = Said(exit_code=done.returncode, stdout=plain(done.stdout), stderr=plain(done.stderr))
            return
        assert done.returncode == 0, done.stderr

    def _visitors(self) -> "_Visitors":
        return _Visitors(self)


class _Visitors(Load):
    """Visitors whose requests and failures count in the story."""

    def __init__(self, story: Story) -> None:
        crowd, host = story.crowd, f"{APP}.{BASE_DOMAIN}"
        super().__init__(story.trial.stage.router, host, clients=crowd.clients, pause=crowd.pause)
        self._story = story

    async def __aexit__(self, *problem: object) -> None:
        await super().__aexit__(*problem)  # type: ignore[arg-type]
        self._story.sent += self.report.requests
        self._story.failures += self.report.failures


def plain(text: str) -> str:
    """The text without numbers that differ each time."""
    for pattern, word in DIFFERENT_EACH_TIME:
        text = pattern.sub(word, text)
    return text
