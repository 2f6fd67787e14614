"""What a database beside an app takes: from `services:create` until it answers a first query, with its image here."""

import statistics
import subprocess
import time

from bench.product import Figure
from tests.e2e.trial import Trial
from tools.demo.stage import CHECKOUT

ROUNDS = 5
FIRST_QUERIES = {
    "postgres": 'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -Atc "SELECT 1"',
    "redis": 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli --no-auth-warning PING',
}
MOST = 20.0  # seconds


def services(trial: Trial) -> list[Figure]:
    """Create each kind of service a few times, and query it; each is gone before the next one begins."""
    return [_first_query(trial, kind) for kind in FIRST_QUERIES]


def _first_query(trial: Trial, kind: str) -> Figure:
    argv = (str(CHECKOUT / "tools" / "build-service"), kind)
    image = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    taken = []
    for number in range(ROUNDS):
        name = f"{kind}-{number}"
        begun = time.monotonic()
        trial.pvdify("services:create", name, "--kind", kind, "--image", image)
        answer = trial.pvdify("services:connect", name, "--", "sh", "-c", FIRST_QUERIES[kind]).stdout.strip()
        taken.append(time.monotonic() - begun)
        assert answer in ("1", "PONG"), answer
        trial.pvdify("services:destroy", name, "--confirm", name, "--purge")
    return Figure(
        name=f"`services:create` of {kind} to the first query, median and longest of {ROUNDS}",
        value=f"{statistics.median(taken):.1f} and {max(taken):.1f} s",
        target=f"≤ {MOST:.0f} s",
        is_met=max(taken) <= MOST,
    )


def main() -> None:
    """Print every figure."""
    with Trial() as trial:
        trial.start()
        for figure in services(trial):
            print(f"{figure.name}: {figure.value} ({figure.target})")


if __name__ == "__main__":
    main()
