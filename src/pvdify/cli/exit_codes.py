"""The table of exit codes."""

from pvdify.errors import Kind, PvdifyError

DONE = 0
FAILED = 1
USAGE = 2
DETACHED = 130
# 128 + SIGPIPE, the code that a shell reports for a program whose reader has closed the pipe.
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
    "confirm-failed": 10,  # the release is live, so not 1
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
    """Return the exit code for the error's code if scripts need to distinguish it, else for its kind."""
    return BY_CODE.get(error.code, BY_KIND[error.kind])
