"""For every test: no deadline that a busy machine would miss, and each failure is printed as it happens."""

import gc
import signal
from collections import deque
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

HERE = Path(__file__).parent
NEED_THE_MACHINE = frozenset({"podman", "router", "systemd", "vps", "e2e", "kubernetes"})
FOLDERS_THAT_NEED_IT = ("integration", "e2e", "load", "browser", "kubernetes")
SLOW_TIMEOUT = 1800  # seconds, also where other work leaves a test a tenth of a core
MACHINE_TIMEOUT = 900
GARBAGE_THRESHOLDS = (10_000, 10, 10)  # of Python: (700, 10, 10); a deploy makes many objects that live for its test


class LogOnFailure:
    """Keeps the log of a test, and shows it if the test fails: to print each line costs a third of a deploy."""

    def __init__(self) -> None:
        self._kept: deque[tuple[str, dict[str, Any]]] = deque(maxlen=500)

    def _keep(self, _logger: object, level: str, event: dict[str, Any]) -> dict[str, Any]:
        self._kept.append((level, event))
        raise structlog.DropEvent

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self._kept.clear()
        structlog.configure(processors=[structlog.contextvars.merge_contextvars, self._keep])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Any:
        report = yield
        if report.failed and self._kept:
            lines = (
                f"{level} {' '.join(f'{key}={value}' for key, value in event.items())}" for level, event in self._kept
            )
            report.sections.append(("Log", "\n".join(lines)))
        return report


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Any:
    """Collect without the garbage collector, and keep what was collected out of its sight: nearly all of it stays.

    With thousands of tests each full collection of garbage would walk through millions of objects for nothing.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses ports, containers or servers of this machine: such tests run one at a time.

    Slow tests and those of the machine have longer timeouts than others, unless they bring their own.
    """
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        if folder in FOLDERS_THAT_NEED_IT or any(item.get_closest_marker(name) for name in NEED_THE_MACHINE):
            item.add_marker(pytest.mark.machine)
        if not item.get_closest_marker("timeout"):
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT))
            elif item.get_closest_marker("machine"):
                item.add_marker(pytest.mark.timeout(MACHINE_TIMEOUT))


class FailuresAtOnce:
    """Prints the message of each failed test when it fails; pytest itself prints them at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and reporter is not None:
            reporter.write_line("")
            reporter.write_line(f"FAILED {report.nodeid} ({report.when})")
            reporter.write_line(report.longreprtext[-4000:])


def pytest_configure(config: pytest.Config) -> None:
    """Print failures in the process that reports; workers of a parallel run have no terminal.

    What a shell starts in the background ignores Ctrl-C, and so would the programs that tests start.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(LogOnFailure(), "log-on-failure")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config), "failures-at-once")
