"""What hiding secrets costs a line of log, with as many secrets as an app may have."""

import random
import string
import time

from bench.product import Figure
from pvdify.model.redaction import Redactor
from pvdify.model.secret_forms import forms_of

SECRETS, LINES, ROUNDS = 200, 10_000, 5
TARGET_MICROSECONDS = 5.0
EVERY = 20  # of so many lines one has a secret in it
CHARACTERS = string.ascii_letters + string.digits + "/+=$'\" %"


def redaction() -> list[Figure]:
    chosen = random.Random(1)
    secrets = ["".join(chosen.choices(CHARACTERS, k=chosen.randint(8, 64))) for _ in range(SECRETS)]
    lines = [_line(chosen, number, secrets) for number in range(LINES)]
    started = time.perf_counter()
    redactor = Redactor(secrets)
    built = time.perf_counter() - started
    seconds = min(_clean(redactor, lines) for _ in range(ROUNDS))
    a_line = seconds / LINES * 1e6
    forms = sum(len(forms_of(secret)) for secret in secrets)
    return [
        Figure(
            name=f"redaction of a line, {SECRETS} secrets, {LINES} lines, best of {ROUNDS}",
            value=f"{a_line:.1f} µs ({seconds:.1%} of a second for {LINES} lines)",
            target=f"≤ {TARGET_MICROSECONDS:g} µs",
            is_met=a_line <= TARGET_MICROSECONDS,
        ),
        Figure(name=f"redaction: learning {SECRETS} secrets in {forms} forms", value=f"{built * 1000:.0f} ms"),
    ]


def _clean(redactor: Redactor, lines: list[str]) -> float:
    started = time.perf_counter()
    for line in lines:
        redactor.clean(line)
    return time.perf_counter() - started


def _line(chosen: random.Random, number: int, secrets: list[str]) -> str:
    text = (
        f"2026-11-25T12:00:00.{number:06d}Z INFO method=GET path=/items/{number} status=200 "
        f"duration={chosen.random() * 50:.3f}ms user=anna trace={chosen.getrandbits(128):032x}"
    )
    return text if number % EVERY else f"{text} note=\u00fc {_form_of_one(chosen, secrets)}"


def _form_of_one(chosen: random.Random, secrets: list[str]) -> str:
    return chosen.choice(sorted(forms_of(chosen.choice(secrets))))
