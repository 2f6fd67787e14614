"""The processor time of a server at rest: pvdifyd and every process that it starts, with N real containers.

``python -m bench.idle --apps 50 --before DIRECTORY`` measures this checkout, and before it in each round another one
with a ``.venv`` of its own, on the same containers. It writes bench/idle.md.
"""

import argparse
import os
import platform
import signal
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.trial import Trial
from tests.support.images import build_image, push_image
from tests.support.waiting import PATIENCE
from tools.demo import stage as stages
from tools.free_port import free_port

RESULTS = Path(__file__).with_name("idle.md")
TICKS = os.sysconf("SC_CLK_TCK")
CHECKOUT = Path(__file__).parents[1]
SETTLES_IN = 75.0  # seconds after a start until nothing is left to do: instances are steady after 60 s
MANIFEST = {"processes": {"web": {"command": "exec httpd -f -p $PORT -h /www"}}}


@dataclass(frozen=True, kw_only=True)
class Use:
    """Percent of a core over a measurement."""

    daemon: float
    children: float
    router: float
    load: float

    @property
    def whole(self) -> float:
        return self.daemon + self.children + self.router


def main() -> None:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the server and its containers are removed
    settings = ("--ports", port_range(3 * options.apps))
    with Trial() as trial:
        image = trial.stage.image("tiny")
        push_image(build_image(content="hello"), image)
        trial.start(settings=settings)
        for number in range(options.apps):
            deploy(trial, f"app-{number}", image)
        trial.stop()
        found: dict[str, list[Use]] = {}
        for _ in range(options.rounds):
            for name, checkout in (("before", options.before), ("after", CHECKOUT)):
                if checkout is not None:
                    found.setdefault(name, []).append(_measured(trial, checkout, settings, options.seconds))
                    print(name, found[name][-1], file=sys.stderr, flush=True)
    text = _render(options, found)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


def _measured(trial: Trial, checkout: Path, settings: tuple[str, ...], seconds: float) -> Use:
    """Start this checkout's pvdifyd on the containers that are there, and measure it at rest."""
    trial.start(str(checkout / ".venv" / "bin" / "pvdifyd"), settings=settings)
    use = at_rest(trial, seconds)
    trial.stop()
    return use


def at_rest(trial: Trial, seconds: float, settles_in: float = SETTLES_IN) -> Use:
    """Wait until nothing is left to do, and measure for some seconds."""
    time.sleep(settles_in)
    before, begun = _seconds_of(trial), time.monotonic()
    time.sleep(seconds)
    after, passed = _seconds_of(trial), time.monotonic() - begun
    percent = [100 * (late - early) / passed for early, late in zip(before, after, strict=True)]
    return Use(daemon=percent[0], children=percent[1], router=percent[2], load=os.getloadavg()[0])


def _seconds_of(trial: Trial) -> tuple[float, float, float]:
    """Return the processor seconds so far of pvdifyd, of programs that it ran, and of the router."""
    assert trial.process is not None
    own, ended = _times(trial.process.pid)
    routers = stages.processes(trial.stage.directory, "haproxy")
    running = [pid for pid in _descendants(trial.process.pid) if pid not in routers]
    return own, ended + sum(sum(_times(pid)) for pid in running), sum(_times(pid)[0] for pid in routers)


def _times(pid: int) -> tuple[float, float]:
    """Return the processor seconds of a process, and of its children that have ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    user, system, ended_user, ended_system = (int(word) / TICKS for word in words[11:15])
    return user + system, ended_user + ended_system


def _descendants(pid: int) -> list[int]:
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [each for child in children for each in (child, *_descendants(child))]


def deploy(trial: Trial, app: str, image: str) -> None:
    """Deploy the tiny web server to an app, and wait until it is live."""
    status, answer = trial.ask("POST", f"/apps/{app}/releases", {"image": image, "manifest": MANIFEST})
    assert status == 202, answer
    deadline = time.monotonic() + PATIENCE
    while (release := trial.ask("GET", f"/apps/{app}/releases?limit=1")[1]["releases"][0])["status"] != "active":
        assert time.monotonic() < deadline, release
        assert release["status"] in ("pending", "deploying"), release
        time.sleep(0.1)


def port_range(count: int) -> str:
    """Return so many ports for instances, as the setting takes them."""
    first = free_port()
    return f"{first}-{first + count}"


def _render(options: argparse.Namespace, found: dict[str, list[Use]]) -> str:
    rows = []
    for name, uses in found.items():
        parts = ("daemon", "children", "router", "whole")
        cells = [f"{statistics.median(getattr(use, part) for use in uses):.2f} %" for part in parts]
        rows.append(f"| {name} | {' | '.join(cells)} | {statistics.median(use.load for use in uses):.1f} |")
    return "\n".join(
        [
            "# At rest",
            "",
            f"`python -m bench.idle --apps {options.apps} --rounds {options.rounds} --seconds {options.seconds:.0f}`",
            f"on {time.strftime('%Y-%m-%d')}: {platform.system()} {platform.release()}, {os.cpu_count()} cores.",
            f"{options.apps} apps with a container each; percent of one core, medians of the rounds. The rows are from",
            "one run, in turns, on the same containers.",
            "",
            "| | pvdifyd | programs that it ran | router | whole | load of the machine |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--apps", type=int, default=50, help="number of apps, with a container each (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of one measurement (%(default)s)")
    parser.add_argument(
        "--before",
        type=Path,
        help="another checkout to measure in turns with this one; its database must have the same schema",
    )
    return parser


if __name__ == "__main__":
    main()
