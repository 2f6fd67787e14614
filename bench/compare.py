"""The figures of `make bench` that two commits share, measured in turns in one run.

``python -m bench.compare --before DIRECTORY`` runs the benches of this checkout and of another one, which has a
``.venv`` of its own; each measures its own code. It writes bench/compare.md.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

RESULTS = Path(__file__).with_name("compare.md")
CHECKOUT = Path(__file__).parents[1]
SERVER = ("deploys", "rollbacks", "command_line", "daemon", "api")
PROGRAM = f"""
import asyncio
from bench import __main__ as benches, product
from bench.redaction import redaction
from tests.e2e.trial import Trial
figures = [*redaction(), *benches.measure_router()]
with Trial() as trial:
    for version in ("v1", "v2"):
        trial.push(version)
    trial.start()
    for version in ("v1", "v2"):
        product.deploy(trial, version)
    for name in {SERVER}:
        found = getattr(product, name)(trial)
        figures += asyncio.run(found) if asyncio.iscoroutine(found) else found
for figure in figures:
    print(figure.name, figure.value, sep="\\t")
"""
NUMBER = re.compile(r"\d[\d,]*\.?\d*")
Found = dict[str, list[str]]


def main() -> None:
    options = _parser().parse_args()
    found: dict[str, Found] = defaultdict(lambda: defaultdict(list))
    for number in range(options.rounds):
        sides = [("before", options.before), ("after", CHECKOUT)]
        for name, checkout in sides if number % 2 == 0 else reversed(sides):
            for line in _measure(checkout).splitlines():
                figure, _, value = line.partition("\t")
                found[name][figure].append(value)
                print(name, figure, value, sep=": ", file=sys.stderr, flush=True)
    text = _render(options, found)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


def _measure(checkout: Path) -> str:
    """Return a line for each figure: its name and value. Raises CalledProcessError."""
    argv = (str(checkout / ".venv" / "bin" / "python"), "-c", PROGRAM)
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, cwd=checkout).stdout


def _render(options: argparse.Namespace, found: dict[str, Found]) -> str:
    rows = [
        f"| {name} | {_median(values)} | {_median(found['after'][name])} |"
        for name, values in found["before"].items()
        if name in found["after"]
    ]
    return "\n".join(
        [
            "# Two commits in one run",
            "",
            f"`python -m bench.compare --rounds {options.rounds}` on {time.strftime('%Y-%m-%d')}:",
            f"Linux {platform.release()}, 2 cores, load {os.getloadavg()[2]:.1f}. {options.title}".rstrip(),
            "Medians of the rounds of each commit, which took turns; the benches of a commit measure its own code.",
            "",
            "| figure | before | after |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _median(values: list[str]) -> str:
    """The value of the round whose first number is in the middle."""
    return sorted(values, key=_first)[len(values) // 2]


def _first(value: str) -> float:
    found = NUMBER.search(value)
    return float(found[0].replace(",", "")) if found else 0.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each commit (%(default)s)")
    parser.add_argument("--title", default="", help="a sentence that says which commits these are")
    parser.add_argument("--before", type=Path, required=True, help="the checkout of the earlier commit")
    return parser


if __name__ == "__main__":
    main()
