import logging

from pvdify.daemon.logs import CleanFormatter, cleaning


def hide(text: str) -> str:
    return text.replace("s3cret-value", "***")


def test_every_text_of_a_log_event_is_redacted() -> None:
    event = {"event": "step.failed", "why": "said s3cret-value", "ms": 12, "exception": "Traceback\ns3cret-value"}

    cleaned = cleaning(hide)(None, "info", event)

    assert cleaned == {"event": "step.failed", "why": "said ***", "ms": 12, "exception": "Traceback\n***"}


def test_log_records_of_libraries_are_redacted_with_their_traceback() -> None:
    try:
        raise ValueError("s3cret-value")
    except ValueError as error:
        record = logging.LogRecord("uvicorn", logging.ERROR, "x.py", 1, "failed for %s", ("s3cret-value",),
                                   (type(error), error, error.__traceback__))  # fmt: skip

    line = CleanFormatter(hide).format(record)

    assert line.startswith("level=ERROR event=failed for ***")
    assert line.endswith("ValueError: ***")
