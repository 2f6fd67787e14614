"""Disable core dumps, so that a crash writes no memory of the daemon to disk."""

import resource


def leave_no_core() -> None:
    """Disable core files of this process. Programs that it starts may raise their own limit again."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
