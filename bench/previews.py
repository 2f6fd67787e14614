"""Ten thousand pull requests' lives under everything that can go wrong: see tests/support/preview_lives.py."""

import asyncio
import logging
import time
from concurrent.futures import ProcessPoolExecutor

import structlog

from bench.product import Figure
from tests.support.preview_lives import LIVES_A_SERVER, Outcome, one_server, total

LIVES = 10_000
PROCESSES = 2


def previews() -> list[Figure]:
    started = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES) as pool:
        whole = total(pool.map(_one, range(LIVES // LIVES_A_SERVER)))
    seconds = time.perf_counter() - started
    told = ", ".join(f"{count} {name}" for name, count in whole.told.items())
    return [
        Figure(
            name=f"previews: {whole.lives} pull requests' lives (webhooks: {told})",
            value=f"{len(whole.broken)} gone too early or left too long, in {seconds:.0f} s",
            target="0",
            is_met=not whole.broken,
        ),
        Figure(
            name="previews: containers, images, routes, config, logs and rows left of them",
            value=str(len(whole.left)),
            target="0",
            is_met=not whole.left,
        ),
    ]


def _one(seed: int) -> Outcome:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(one_server(seed))
