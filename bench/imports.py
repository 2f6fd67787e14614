"""What a library costs before it has done anything: import time and memory, each in fresh interpreters.

`python -m bench.imports [ROUNDS]` installs the candidates into .cache/bench-imports, then prints a table of medians.
Rounds are interleaved, so that a noisy moment of the machine spreads over all candidates.
"""

import json
import statistics
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENT = Path(__file__).parents[1] / ".cache" / "bench-imports"
PYTHON = ENVIRONMENT / "bin" / "python"

MEASURE = """
import sys, time
started = time.perf_counter()
{statement}
milliseconds = (time.perf_counter() - started) * 1000
with open("/proc/self/status") as status:
    kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
print(milliseconds, kilobytes)
"""
SIZE = """
import importlib.metadata as metadata, json, re, sys
seen, queue = {}, sys.argv[1:]
while queue:
    name = re.match(r"[A-Za-z0-9_.-]+", queue.pop())[0].lower().replace("_", "-")
    if name in seen:
        continue
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        continue
    seen[name] = sum((file.locate().stat().st_size for file in found.files or () if file.locate().exists()), 0)
    queue += [line for line in found.requires or () if "extra ==" not in line]
print(json.dumps([metadata.version(sys.argv[1]), len(seen), sum(seen.values())]))
"""
MANIFEST = """
import time, yaml
text = "\\n".join(f"app-{n}: {{port: 8080, processes: {{web: {{command: npm start, count: 2}}}}}}" for n in range(200))
started = time.perf_counter()
yaml.load(text, Loader=yaml.%s)
print((time.perf_counter() - started) * 1000, 0)
"""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to do a job: what is installed for it, and what a program that uses it imports."""

    job: str
    name: str
    statement: str
    packages: tuple[str, ...] = ()
    samples: list[tuple[float, float]] = field(default_factory=list)


CANDIDATES = (
    Candidate(job="nothing", name="bare interpreter", statement="pass"),
    Candidate(job="nothing", name="asyncio", statement="import asyncio"),
    Candidate(
        job="REST server",
        name="starlette + uvicorn",
        statement="import starlette.applications, starlette.routing, starlette.responses, uvicorn",
        packages=("starlette", "uvicorn"),
    ),
    Candidate(
        job="REST server",
        name="fastapi + uvicorn",
        statement="import fastapi, uvicorn",
        packages=("fastapi", "uvicorn"),
    ),
    Candidate(
        job="REST server",
        name="litestar + uvicorn",
        statement="import litestar, uvicorn",
        packages=("litestar", "uvicorn"),
    ),
    Candidate(job="REST server", name="aiohttp", statement="import aiohttp.web", packages=("aiohttp",)),
    Candidate(job="validation", name="pydantic", statement="from pydantic import BaseModel", packages=("pydantic",)),
    Candidate(job="validation", name="msgspec", statement="import msgspec", packages=("msgspec",)),
    Candidate(job="validation", name="attrs + cattrs", statement="import attrs, cattrs", packages=("cattrs", "attrs")),
    Candidate(job="store", name="sqlite3", statement="import sqlite3"),
    Candidate(job="store", name="aiosqlite", statement="import aiosqlite", packages=("aiosqlite",)),
    Candidate(
        job="store",
        name="sqlalchemy + aiosqlite",
        statement="import sqlalchemy.ext.asyncio, sqlalchemy.orm, aiosqlite",
        packages=("sqlalchemy", "greenlet", "aiosqlite"),
    ),
    Candidate(job="logs", name="logging", statement="import logging"),
    Candidate(job="logs", name="structlog", statement="import structlog", packages=("structlog",)),
    Candidate(job="logs", name="loguru", statement="import loguru", packages=("loguru",)),
    Candidate(job="command line", name="argparse", statement="import argparse"),
    Candidate(job="command line", name="click", statement="import click", packages=("click",)),
    Candidate(job="command line", name="typer", statement="import typer", packages=("typer",)),
    Candidate(
        job="command line",
        name="click + rich",
        statement="import click, rich.console, rich.table",
        packages=("rich", "click"),
    ),
    Candidate(job="probe", name="h11 on asyncio", statement="import asyncio, h11", packages=("h11",)),
    Candidate(job="probe", name="httpx", statement="import asyncio, httpx", packages=("httpx",)),
    Candidate(job="probe", name="httpx2", statement="import asyncio, httpx2", packages=("httpx2",)),
    Candidate(job="probe", name="aiohttp client", statement="import aiohttp", packages=("aiohttp",)),
    Candidate(job="manifest", name="PyYAML", statement="import yaml", packages=("PyYAML",)),
    Candidate(job="manifest", name="ruamel.yaml", statement="import ruamel.yaml", packages=("ruamel.yaml",)),
)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    install()
    for number in range(rounds + 1):
        for candidate in CANDIDATES:
            sample = measure(MEASURE.format(statement=candidate.statement))
            if number:  # the first one warms the disk cache and compiles
                candidate.samples.append(sample)
    print(f"Python {sys.version.split()[0]}, medians of {rounds} fresh interpreters\n")
    for line in table():
        print(line)
    for loader in ("CSafeLoader", "SafeLoader"):
        times = [measure(MANIFEST % loader)[0] for _ in range(rounds)]
        print(f"\nPyYAML {loader}: a manifest of 200 lines in {statistics.median(times):.1f} ms", end="")
    print()


def install() -> None:
    packages = sorted({package for candidate in CANDIDATES for package in candidate.packages})
    if not PYTHON.exists():
        venv.create(ENVIRONMENT, with_pip=True, symlinks=True)
    subprocess.run((str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages), check=True)


def measure(program: str) -> tuple[float, float]:
    """The two numbers a program prints: milliseconds and kilobytes."""
    output = subprocess.check_output((str(PYTHON), "-c", program), text=True)
    milliseconds, kilobytes = output.split()
    return float(milliseconds), float(kilobytes)


def table() -> Iterator[str]:
    yield "| for | candidate | version | import ms | memory MB | packages | on disk MB |"
    yield "|---|---|---|---|---|---|---|"
    for candidate in CANDIDATES:
        milliseconds = statistics.median(sample[0] for sample in candidate.samples)
        megabytes = statistics.median(sample[1] for sample in candidate.samples) / 1024
        version, count, size = installed(candidate)
        yield (
            f"| {candidate.job} | {candidate.name} | {version} | {milliseconds:.0f} | {megabytes:.0f} "
            f"| {count} | {size} |"
        )


def installed(candidate: Candidate) -> tuple[str, str, str]:
    """Version of the candidate, and the number and size of all packages that come with it."""
    if not candidate.packages:
        return "standard library", "0", "0"
    output = subprocess.check_output((str(PYTHON), "-c", SIZE, *candidate.packages), text=True)
    version, count, size = json.loads(output)
    return version, str(count), f"{size / 1e6:.1f}"


if __name__ == "__main__":
    main()
