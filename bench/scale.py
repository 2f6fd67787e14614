"""`make bench-scale`: what reads cost with 1 and 200 apps, in one run on this machine; writes bench/scale.md.

The apps run on recorded containers, the API and the database are the real ones.
"""

import os
import platform
import sys
import time
from pathlib import Path

from bench.reads import APPS, CLIENTS, SECONDS, reads

RESULTS = Path(__file__).with_name("scale.md")


def main() -> None:
    rows = []
    for apps in map(int, sys.argv[1:] or map(str, APPS)):
        for figure in reads(apps):
            rows.append(f"| {figure.name} | {figure.value} | {os.getloadavg()[0]:.1f} |")
            print(rows[-1], file=sys.stderr, flush=True)
    text = "\n".join(
        [
            "# Scale",
            "",
            f"One `make bench-scale` on {time.strftime('%Y-%m-%d')}: Linux {platform.release()}, {platform.machine()},",
            f"Python {platform.python_version()}, {os.cpu_count()} shared cores. The server is a process on one core,",
            "with a real database and listener over recorded containers, which are part of its memory;",
            f"{CLIENTS} clients read for {SECONDS:g} s.",
            "The last column is the machine's load in that minute: other work was running, so the CPU of each read",
            "compares better than its rate.",
            "",
            "| figure | measured | load |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
