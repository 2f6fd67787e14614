"""`make bench-scale`: what a server costs with few and many apps, in one run on this machine; writes bench/scale.md.

First the reads of the API over recorded containers, then a whole server with real ones, then power cuts of a server.
"""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import boots
from bench.crowded_server import REST_SECONDS, ROUNDS, SIZES, crowded_server
from bench.product import Figure
from bench.reads import APPS, CLIENTS, SECONDS, reads

RESULTS = Path(__file__).with_name("scale.md")


def main() -> None:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the server and its containers are removed
    recorded = list(_rows(figure for apps in options.recorded for figure in reads(apps)))
    real = list(_rows(crowded_server(tuple(options.real)))) if options.real else []
    cut = list(_rows(boots.boots(tuple(options.boots)))) if options.boots else []
    command = f"make bench-scale ARGS='{' '.join(sys.argv[1:])}'" if sys.argv[1:] else "make bench-scale"
    text = _render(command, recorded, real, cut)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


def _rows(figures: Iterator[Figure]) -> Iterator[str]:
    for figure in figures:
        row = f"| {figure.name} | {figure.value} | {os.getloadavg()[0]:.1f} |"
        print(row, file=sys.stderr, flush=True)
        yield row


def _render(command: str, recorded: list[str], real: list[str], cut: list[str]) -> str:
    head = ["", "| figure | measured | load |", "|---|---|---|"]
    return "\n".join(
        [
            "# Scale",
            "",
            f"`{command}` on {time.strftime('%Y-%m-%d')}:",
            f"Linux {platform.release()}, {platform.machine()},",
            f"Python {platform.python_version()}, {os.cpu_count()} shared cores with clients, servers and apps all on",
            "them. The last column is the machine's load in that minute, this bench's own included.",
            "",
            "## Reads, recorded containers",
            "",
            "The server is a process on one core, with a real database and listener over recorded containers, which",
            f"are part of its memory; {CLIENTS} connections of wrk read for {SECONDS} s.",
            *head,
            *recorded,
            "",
            "## A whole server, real containers",
            "",
            "The app of the figures is examples/hello; the others are busybox's web server, with one container each.",
            f"Medians of {ROUNDS} rounds. The dashboard is open until the rows at rest, {REST_SECONDS:.0f} s each.",
            "The floor is `podman run` of the same image until the first 200, in turns with what is compared with it.",
            *head,
            *real,
            "",
            "## Power cuts, real containers",
            "",
            "A disposable server with systemd and an installed pvdify; each app has one container. Medians of",
            f"{boots.ROUNDS} rounds. Its kernel is this machine's, so there is no firmware and no kernel to wait for.",
            *head,
            *cut,
            "",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--recorded", type=int, nargs="*", default=list(APPS), help="numbers of recorded apps")
    parser.add_argument("--real", type=int, nargs="*", default=list(SIZES), help="numbers of apps with containers")
    parser.add_argument("--boots", type=int, nargs="*", default=list(boots.SIZES), help="numbers of apps at power cuts")
    return parser


if __name__ == "__main__":
    main()
