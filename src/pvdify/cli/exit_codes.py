"""How a command ends, as a number: the one table."""

from pvdify.errors import Kind, PvdifyError

DONE = 0
FAILED = 1
USAGE = 2
DETACHED = 130
# 128 + SIGPIPE, which is what a shell makes of every program whose reader has gone.
READER_GONE = 141

BY_CODE = {
    "superseded": 6,
    "probe-failed": 7,
    "guard-tripped": 7,
    "hook-failed": 8,
    "not-enough-disk": 9,
    "not-enough-memory": 9,
    "no-room-to-start": 9,
    "store-disk-full": 9,
    "router-disk-full": 9,
    "runtime-disk-full": 9,
    "installation-disk-full": 9,
    "outcome-unknown": 10,
    "server-unreachable": 11,
}

BY_KIND = {
    Kind.INVALID: USAGE,
    Kind.DENIED: 3,
    Kind.NOT_FOUND: 4,
    Kind.CONFLICT: 5,
    Kind.UNAVAILABLE: FAILED,
    Kind.FAILED: FAILED,
    Kind.INTERNAL: FAILED,
}


def exit_code(error: PvdifyError) -> int:
    """By the error's code where a script would act differently, else by its kind."""
    return BY_CODE.get(error.code, BY_KIND[error.kind])
