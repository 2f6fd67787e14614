"""What is left on disk when the daemon crashes: nothing of its memory."""

import resource


def leave_no_core() -> None:
    """Have the kernel write no core file of this process. Programs that it starts may raise their limit again."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
