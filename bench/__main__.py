"""`make bench`: measures everything that is promised, in one run on this machine, and writes bench/results.md."""

import asyncio
import os
import platform
import sys
import time
from pathlib import Path

from bench import product, router
from bench.dashboard import dashboard
from bench.deaths import deaths
from bench.product import APP, Figure
from bench.redaction import redaction
from bench.sent_once import sent_once
from bench.services import services
from tests.e2e.trial import Trial

RESULTS = Path(__file__).with_name("results.md")
SWITCH_TARGETS = {1: 10.0, 100: None, 500: 25.0}


def main() -> None:
    before = os.getloadavg()[0]
    figures = [
        *report("redaction", redaction()), *report("dashboard", dashboard()), *report("dashboard", dashboard(1000)),
        *measure_router(), *measure_requests(), *measure_server(),
    ]  # fmt: skip
    text = render(figures, before)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    sys.exit(any(figure.is_met is False for figure in figures))


def measure_server() -> list[Figure]:
    with Trial() as trial:
        trial.push("v1")
        trial.push("v2")
        trial.start()
        for version in ("v1", "v2"):
            product.deploy(trial, version)
        return [
            *report("deploys", product.deploys(trial)),
            *report("rollbacks", product.rollbacks(trial)),
            *report("command line", product.command_line(trial)),
            *report("daemon", product.daemon(trial)),
            *report("api", asyncio.run(product.api(trial))),
            *report("swaps", asyncio.run(product.swaps(trial))),
            *report("deaths", asyncio.run(deaths(trial))),
            *report("services", services(trial)),
        ]


def measure_router() -> list[Figure]:
    figures = asyncio.run(product.router())
    for apps, target in SWITCH_TARGETS.items():
        median = asyncio.run(router.switches(apps))
        figures.append(
            Figure(
                name=f"switch with {apps} app{'s' if apps > 1 else ''}, median of {router.ROUNDS}, all of it",
                value=f"{median:.1f} ms",
                target=f"≤ {target:.0f} ms" if target else "",
                is_met=median <= target if target else None,
            )
        )
    return report("router", figures)


def measure_requests() -> list[Figure]:
    return report("requests", asyncio.run(sent_once()))


def report(what: str, figures: list[Figure]) -> list[Figure]:
    for figure in figures:
        print(f"{what}: {figure.name}: {figure.value} {figure.target}", file=sys.stderr, flush=True)
    return figures


def render(figures: list[Figure], load: float) -> str:
    """``load``: the machine's, before the run."""
    met = {True: "yes", False: "**no**", None: ""}
    rows = [f"| {it.name} | {it.value} | {it.target} | {met[it.is_met]} |" for it in figures]
    return "\n".join(
        [
            "# Results",
            "",
            f"One `make bench` on {time.strftime('%Y-%m-%d')}: Linux {platform.release()}, {platform.machine()},",
            f"Python {platform.python_version()}, 2 shared cores with clients, router, apps and server all on them;",
            f"load {load:.1f} before the run.",
            f"The app is examples/hello, named {APP}. Medians of {product.ROUNDS} rounds where nothing else is said.",
            "",
            "| figure | measured | promised | met |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
