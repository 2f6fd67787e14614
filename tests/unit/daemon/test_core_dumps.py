"""A crash leaves no memory on disk."""

import resource

from pvdify.daemon.core_dumps import leave_no_core


def test_no_core_file_is_written_and_the_hard_limit_stays():
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))

        leave_no_core()

        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
