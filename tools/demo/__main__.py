"""The demonstration: `make demo`, or `make demo ARGS=--keep` to keep everything running afterwards."""

import argparse
import asyncio
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

from tests.load import DEFAULT_MIX, Load, Report, Shape
from tools.demo import stage as stages
from tools.demo.stage import BASE_DOMAIN, CHECKOUT, PROGRAMS, Stage, StageError

HOSTNAME = f"hello.{BASE_DOMAIN}"
MANIFEST = "examples/hello/pvdify.yml"
DATABASE_MANIFEST = "examples/hello/database.yml"
CLIENTS = 32
ROW = Shape(name="row", method="POST", path="/rows", body_size=64, is_right=lambda _, it: b'"rows"' in it.body)
PAUSE_SECONDS = 0.02  # what a client waits between requests: load, but no fight for the processor
DRAINED_WITHIN_SECONDS = 60
DETACHED = 130


@dataclass(kw_only=True)
class Story:
    """The counts of the demonstration so far."""

    stage: Stage
    started: float = field(default_factory=time.monotonic)
    reports: dict[str, Report] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return sum(len(report.failures) for report in self.reports.values())

    @property
    def requests(self) -> int:
        return sum(report.requests for report in self.reports.values())


def main() -> None:
    options = parse()
    if options.stop:
        stages.clean_up(stages.load(options.stop))
        print("stopped, and everything removed")
        return
    if os.geteuid() != 0:
        sys.exit("demo: error: containers are run by root\n  next: run it as root")
    sys.exit(run(options))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running, and say how to stop it")
    parser.add_argument("--stop", metavar="DIRECTORY", help="stop what --keep left running")
    return parser.parse_args()


def run(options: argparse.Namespace) -> int:
    """Run the demonstration; remove everything afterwards, unless ``--keep`` is given."""
    story, is_kept = Story(stage=stages.prepare()), False
    try:
        asyncio.run(until_signal(tell(story)))
        is_kept = options.keep
        conclude(story, is_kept=is_kept)
    except (StageError, OSError) as error:
        print(f"\ndemo: error: {error}", file=sys.stderr)
        if log := stages.last_words(story.stage):
            print(f"  the end of the server's log:\n{log}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\ninterrupted", file=sys.stderr)
        return DETACHED
    finally:
        if not is_kept:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            stages.clean_up(story.stage)
            print("\ncleaned up: containers, router, server, registry, images, files")
    return 1 if story.failed else 0


async def until_signal(story: Any) -> None:
    """End the demonstration on SIGTERM as on Ctrl-C."""
    task = asyncio.ensure_future(story)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


async def tell(story: Story) -> None:
    stage = story.stage
    heading("A registry on loopback, with three versions of examples/hello")
    stages.start_registry(stage)
    await build(stage, "v1")
    await build(stage, "v2")
    await build(stage, "v3", "START_EXIT=3")

    heading("A whole pvdify server in a directory of its own")
    begun = time.monotonic()
    await asyncio.to_thread(stages.start_server, stage)
    print(f"$ pvdifyd {shlex.join(stage.server_arguments())}")
    print(f"  answers after {time.monotonic() - begun:.1f} s; API {stage.url}, visitors http://{stage.router}")

    heading("The first deploy creates the app")
    await pvdify(stage, "deploy", "hello", "--image", stage.image("v1"), "--manifest", MANIFEST)
    await command("curl", "-si", "-H", f"Host: {HOSTNAME}", f"http://{stage.router}/")

    heading(f"Deploy v2 while {CLIENTS} clients send requests (half of them POST, none ever sent twice)")
    await under_load(story, "deploy v2", "deploy", "hello", "--image", stage.image("v2"))

    heading("Deploy v3, which exits as soon as it starts: refused, and v2 keeps serving")
    await under_load(story, "deploy v3 (broken)", "deploy", "hello", "--image", stage.image("v3"), is_refused=True)

    heading("Roll back: v1's web instances are still on standby; only the worker, which never runs twice, starts anew")
    await under_load(story, "rollback", "rollback", "hello")

    heading("An app with an SQLite file on a volume")
    await pvdify(stage, "deploy", "notes", "--image", stage.image("v1"), "--manifest", DATABASE_MANIFEST)

    heading("Deploy its v2: one release at a time has the volume, so requests wait while v2 takes it over")
    handover = ("deploy", "notes", "--image", stage.image("v2"))
    await under_load(story, "hand a volume over", *handover, app="notes", mix=(ROW,))
    await asyncio.to_thread(check_rows, story)

    heading("What happened")
    await pvdify(stage, "releases", "hello")
    print()
    for line in receipts(stage):
        print(line)
    print()
    for name, report in story.reports.items():
        print(f"{name + ':':20} {summary(report)}")


async def build(stage: Stage, version: str, *variables: str) -> None:
    begun = time.monotonic()
    await asyncio.to_thread(stages.build_and_push, stage, version, *variables)
    remark = f" with {' '.join(variables)}" if variables else ""
    print(f"{stage.image(version)}{remark}: built and pushed in {time.monotonic() - begun:.1f} s", flush=True)


async def under_load(
    story: Story, name: str, *arguments: str, is_refused: bool = False, app: str = "hello",
    mix: Sequence[Shape] = DEFAULT_MIX,
) -> None:  # fmt: skip
    """Run a command between two moments of load, and count what visitors saw."""
    hostname = f"{app}.{BASE_DOMAIN}"
    async with Load(story.stage.router, hostname, clients=CLIENTS, pause=PAUSE_SECONDS, mix=mix) as load:
        await asyncio.sleep(1)
        await pvdify(story.stage, *arguments, is_refused=is_refused)
        await drained(story.stage, app)
        await asyncio.sleep(1)
        report = await load.stop()
    story.reports[name] = report
    print(f"  visitors: {summary(report)}")
    for failure in report.failures[:5]:
        print(f"    {failure}")


def check_rows(story: Story) -> None:
    """Compare the rows in the database with the requests that were answered. Raises StageError."""
    request = Request(f"http://{story.stage.router}/rows", headers={"Host": f"notes.{BASE_DOMAIN}"})
    with urlopen(request, timeout=30) as answer:
        found = json.loads(answer.read())
    asked = story.reports["hand a volume over"].requests
    print(f"  {found['rows']} rows after {asked} requests; SQLite's integrity check: {found['integrity']}")
    if not story.failed and found != {"rows": asked, "integrity": "ok"}:
        raise StageError(f"the database has {found['rows']} rows, and {asked} requests were answered")


async def drained(stage: Stage, app: str) -> None:
    """Wait until the newest release's receipt is final: nothing of the switch is in flight any more."""
    deadline = time.monotonic() + DRAINED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        newest = (await asyncio.to_thread(stages.ask, stage, f"/apps/{app}/releases"))["releases"][0]
        requests = (newest["receipt"] or {}).get("requests")
        if newest["status"] == "failed" or (requests and requests["is_final"]):
            return
        await asyncio.sleep(0.2)
    raise StageError(f"the old release had not drained after {DRAINED_WITHIN_SECONDS} s")


async def pvdify(stage: Stage, *arguments: str, is_refused: bool = False) -> None:
    access = {"PVDIFY_URL": stage.url, "PVDIFY_TOKEN": stage.token}
    code = await command("pvdify", *arguments, environment=stage.environment() | access)
    if is_refused and code:
        print(f"  exit code {code}")
    elif bool(code) is not is_refused:
        raise StageError(f"pvdify {arguments[0]} ended with exit code {code}")


async def command(program: str, *arguments: str, environment: dict[str, str] | None = None) -> int:
    """Show a command and run it in the checkout, where its words go to ours."""
    print(f"$ {shlex.join((program, *arguments))}", flush=True)
    path = str(PROGRAMS / program) if (PROGRAMS / program).exists() else program
    process = await asyncio.create_subprocess_exec(
        path, *arguments, stdin=asyncio.subprocess.DEVNULL, env=environment, cwd=CHECKOUT
    )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        raise


def receipts(stage: Stage) -> Iterator[str]:
    """Each release's receipt: the router's own count, and the time of every step."""
    yield f"{'release':9}{'status':12}{'served':>8}{'failed':>8}{'cut':>5}  {'seconds':>7}  steps in ms"
    for release in reversed(stages.ask(stage, "/apps/hello/releases")["releases"]):
        receipt = release["receipt"] or {"requests": None, "steps": {}, "seconds": 0.0}
        requests = receipt["requests"] or {"served": "-", "failed": "-", "cut": "-"}
        steps = ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in receipt["steps"].items())
        yield (
            f"v{release['version']:<8}{release['status']:12}{requests['served']:>8}{requests['failed']:>8}"
            f"{requests['cut']:>5}  {receipt['seconds']:>7.1f}  {steps}"
        )


def summary(report: Report) -> str:
    answered = ", ".join(f"{count} by {version}" for version, count in sorted(report.by_version.items()))
    return (
        f"{report.requests} requests, {len(report.failures)} failed; answered {answered}; "
        f"median {report.latency(0.5) * 1000:.1f} ms, longest silence {report.longest_gap() * 1000:.0f} ms"
    )


def conclude(story: Story, *, is_kept: bool) -> None:
    stage = story.stage
    seconds = time.monotonic() - story.started
    heading(f"{story.requests} requests under four changes, {story.failed} failed, in {seconds:.0f} s")
    if not is_kept:
        return
    print(f"""\
Everything is still running. Look at the app:
  curl -H 'Host: {HOSTNAME}' http://{stage.router}/
  http://{HOSTNAME}:{stage.router_port}/ in a browser on this machine
Use the server:
  export PVDIFY_URL={stage.url} PVDIFY_TOKEN=$(cat {stage.data_dir}/admin.token)
  {PROGRAMS}/pvdify releases hello
Stop and remove everything:
  {PROGRAMS}/python -m tools.demo --stop {stage.directory}""")


def heading(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    main()
