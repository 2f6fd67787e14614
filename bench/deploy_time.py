"""Deploys and rollbacks of an image that is here, step by step, beside what podman alone takes in the same minute.

``python -m bench.deploy_time --before DIRECTORY`` measures this checkout, and before it in each round another one with
a ``.venv`` of its own, on the same server. It writes bench/deploy_time.md.
"""

import argparse
import os
import platform
import signal
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

from bench import idle, product
from bench.product import APP
from tests.e2e.trial import Trial
from tests.support.images import build_image, push_image

RESULTS = Path(__file__).with_name("deploy_time.md")
CHECKOUT = Path(__file__).parents[1]
Found = dict[str, list[float]]


def main() -> None:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the server and its containers are removed
    found: dict[str, Found] = defaultdict(lambda: defaultdict(list))
    settings = ("--ports", idle.port_range(3 * options.apps + 60))
    with Trial() as trial:
        for version in ("v1", "v2"):
            trial.push(version)
        trial.start(settings=settings)
        tiny = trial.stage.image("tiny")
        push_image(build_image(content="hello"), tiny)
        for number in range(1, options.apps):
            idle.deploy(trial, f"app-{number}", tiny)
        trial.stop()
        for number in range(options.rounds + 1):
            for name, checkout in (("before", options.before), ("after", CHECKOUT)):
                if checkout is not None:
                    trial.start(str(checkout / ".venv" / "bin" / "pvdifyd"), settings=settings)
                    measured = _round(trial, options)
                    trial.stop()
                    if number:  # the first round brings the images here
                        _add(found[name], measured)
                        print(name, {key: _ms(values) for key, values in measured.items()}, file=sys.stderr, flush=True)
    text = _render(options, found)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


def _round(trial: Trial, options: argparse.Namespace) -> Found:
    """Deploy and roll back in turns; return seconds by what was measured."""
    found: Found = defaultdict(list)
    for version in ("v1", "v2"):
        product.deploy(trial, version)
    for number in range(options.tries):
        found["floor"].append(product.time_floor(trial))
        found["deploy"].append(product.deploy(trial, ("v1", "v2")[number % 2]))
        _note_steps(trial, found, "deploy")
        product.wait_quiet(trial, options.apps + 1)
        found["warm rollback"].append(product.rollback(trial))
        _note_steps(trial, found, "warm rollback")
        product.wait_quiet(trial, options.apps + 1)
    return found


def _note_steps(trial: Trial, found: Found, what: str) -> None:
    receipt = trial.ask("GET", f"/apps/{APP}/releases?limit=1")[1]["releases"][0]["receipt"]
    found[f"{what} on the server"].append(receipt["seconds"])
    for name, milliseconds in receipt["steps"].items():
        found[f"{what}: {name}"].append(milliseconds / 1000)


def _add(whole: Found, part: Found) -> None:
    for key, values in part.items():
        whole[key] += values


def _ms(values: list[float]) -> str:
    return f"{1000 * statistics.median(values):.0f} ms"


def _render(options: argparse.Namespace, found: dict[str, Found]) -> str:
    names = list(found)
    rows = [f"| {key} | {' | '.join(_ms(found[name][key]) for name in names)} |" for key in found[names[-1]]]
    return "\n".join(
        [
            "# Where the time of a deploy goes",
            "",
            f"`python -m bench.deploy_time --apps {options.apps} --rounds {options.rounds} --tries {options.tries}` on "
            f"{time.strftime('%Y-%m-%d')}:",
            f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}.",
            "Medians; all columns are from one run, in turns, on the same server. The app is examples/hello;",
            f"{options.apps - 1} others run a tiny web server. The floor is `podman run` until the first 200.",
            "",
            f"| | {' | '.join(names)} |",
            f"|---|{'---|' * len(names)}",
            *rows,
            "",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.deploy_time", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--tries", type=int, default=5, help="deploys and rollbacks in a round (%(default)s)")
    parser.add_argument("--apps", type=int, default=1, help="on the server, one container each (%(default)s)")
    parser.add_argument(
        "--before",
        type=Path,
        help="another checkout to measure in turns with this one; its database must have the same schema",
    )
    return parser


if __name__ == "__main__":
    main()
