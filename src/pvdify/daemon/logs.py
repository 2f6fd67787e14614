"""pvdifyd's own log: one event per line, as name and fields, to stderr, with the secrets of apps redacted."""

import logging
import sys
from collections.abc import Callable

import structlog
from structlog.typing import EventDict, Processor

Clean = Callable[[str], str]
FORMAT = "level=%(levelname)s event=%(message)s"


def configure(clean: Clean = str) -> None:
    """Configure logging as logfmt lines; ``clean`` redacts secrets in each line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            cleaning(clean),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanFormatter(clean))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def cleaning(clean: Clean) -> Processor:
    """Return a processor that redacts every text field of an event, tracebacks included."""

    def process(_: object, __: str, event: EventDict) -> EventDict:
        return {name: clean(value) if isinstance(value, str) else value for name, value in event.items()}

    return process


class CleanFormatter(logging.Formatter):
    """A formatter that redacts log records of libraries."""

    def __init__(self, clean: Clean) -> None:
        super().__init__(FORMAT)
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        """Return the redacted line, with its traceback if there is one."""
        return self._clean(super().format(record))
