"""A release that fails a fifth of its requests is rolled back on real podman, with the visitors' own figures."""

import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.trial import Trial

WINDOW = 90.0  # seconds; a busy machine also rolls a release back long before they are over


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        trial.push("v1")
        trial.push("v2", "ERROR_EVERY=5")
        trial.start()
        yield trial


@contextmanager
def visitors(trial: Trial, seen: Counter[str], clients: int = 3) -> Iterator[None]:
    over = threading.Event()

    def visit() -> None:
        while not over.wait(0.03):
            status, version, _ = trial.get("hello")
            with lock:
                seen[f"{version} {status}"] += 1

    lock = threading.Lock()
    threads = [threading.Thread(target=visit) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def counted(trial: Trial, status: str) -> float:
    with urllib.request.urlopen(f"{trial.stage.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "pvdify_requests_total" and sample.labels["status"] == status
    )


def test_a_release_that_fails_a_fifth_of_its_requests_is_rolled_back(trial: Trial, tmp_path: Path):
    manifest = tmp_path / "pvdify.yml"
    manifest.write_text(f"guard: {{window: {WINDOW:g}s, max_error_rate: 5%}}\n")
    seen: Counter[str] = Counter()
    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(manifest))

    with visitors(trial, seen):
        time.sleep(2)
        begun = time.monotonic()
        done = trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"), check=False)
        took = time.monotonic() - begun
        newest = trial.settle("hello")
        since = seen.copy()
        time.sleep(1)

    assert done.returncode == 7, done.stderr
    assert "v2 was taken back: it answered" in done.stderr
    assert "is live at" not in done.stdout
    assert took < WINDOW
    assert (newest["version"], newest["status"], newest["created_by"]) == (3, "active", "pvdify")
    assert trial.ask("GET", "/apps/hello/releases/2")[1]["status"] == "failed"
    assert (seen - since).keys() == {"v1 200"}
    assert counted(trial, "5xx") == seen["v2 500"] > 4
    assert seen.keys() == {"v1 200", "v2 200", "v2 500"}
    print(f"taken back {took:.1f} s after the deploy began; {dict(seen)}\n{done.stderr}")
