"""Counters for each target, in one stick table of the router: rules as text, and parsing of rows.

From HAProxy 2.8 on, a row has an array of counters. Older versions have two counters, so errors of the router itself
and durations are not counted. Entries never expire; ``forget`` deletes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.model.route import WAIT_BOUNDS, TargetCount

TABLE = "targets"
_HAS_ARRAYS = (2, 8)
# Upper bounds, in milliseconds, of the time until an answer began. One more counter is for times above the last bound.
BOUNDS = tuple(round(seconds * 1000) for seconds in WAIT_BOUNDS)
_ERRORS, _APP_ERRORS, _FIRST_CLASS, _MILLISECONDS, _FIRST_BOUND = 0, 1, 2, 6, 7
_SIZE = _FIRST_BOUND + len(BOUNDS) + 1


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The counts of one target.

    ``by_class``: answers with status 1xx to 4xx. ``waits``: answers by ``BOUNDS``, and above the last one. Both are
    zero before HAProxy 2.8.
    """

    in_flight: int = 0
    requests: int = 0
    errors: int = 0  # answers with status 5xx to visitors
    app_errors: int = 0  # those that the app sent
    by_class: tuple[int, int, int, int] = (0, 0, 0, 0)
    milliseconds: int = 0
    waits: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)


def table(version: tuple[int, int]) -> str:
    """Return the stick table, keyed by target."""
    kept = f"gpc({_SIZE})" if has_arrays(version) else "gpc0,gpc1"
    return f"""\
backend {TABLE}
    stick-table type string len 64 size 20k store conn_cur,http_req_cnt,{kept}
"""


def rules(version: tuple[int, int]) -> str:
    """Return the rules that count an answer of the app or of the router. They have to be the last ones for an answer.

    A rule costs about a third of a microsecond. Most answers are fast, so the rules end at the first bound that fits.
    """
    if not has_arrays(version):
        return "    http-response sc-inc-gpc1(0) if { status 500:599 } by_app\n"
    bounds = [
        f"    http-after-response sc-inc-gpc({_FIRST_BOUND + index},0) if {{ var(txn.wait) -m int le {bound} }}\n"
        f"    http-after-response allow if {{ var(txn.wait) -m int le {bound} }}\n"
        for index, bound in enumerate(BOUNDS)
    ]
    classes = [
        f"    http-after-response sc-inc-gpc({_FIRST_CLASS + index},0) if {{ status {index + 1}00:{index + 1}99 }}\n"
        for index in range(4)
    ]
    return f"""\
    http-response sc-inc-gpc({_APP_ERRORS},0) if {{ status 500:599 }} by_app
    http-after-response set-var(txn.wait) date(0,ms),sub(txn.at)
    http-after-response sc-inc-gpc({_ERRORS},0) if {{ status 500:599 }}
{"".join(classes)}\
    http-after-response sc-add-gpc({_MILLISECONDS},0) var(txn.wait)
{"".join(bounds)}\
    http-after-response sc-inc-gpc({_FIRST_BOUND + len(BOUNDS)},0)
"""


def has_arrays(version: tuple[int, int]) -> bool:
    """Return whether this HAProxy has arrays of counters. Without them, ``router_errors`` stays 0."""
    return version >= _HAS_ARRAYS


def row(fields: Mapping[str, str]) -> Counts:
    """Parse the fields of a row of ``show table``."""

    def count(index: int) -> int:
        return int(fields.get(f"gpc{index}", 0))

    first, second, third, fourth = (count(_FIRST_CLASS + index) for index in range(4))
    return Counts(
        in_flight=int(fields.get("conn_cur", 0)),
        requests=int(fields.get("http_req_cnt", 0)),
        errors=count(_ERRORS),
        app_errors=count(_APP_ERRORS),
        by_class=(first, second, third, fourth),
        milliseconds=count(_MILLISECONDS),
        waits=tuple(count(_FIRST_BOUND + index) for index in range(len(BOUNDS) + 1)),
    )


def target_count(target: str, row: Counts) -> TargetCount:
    """Convert a row to the port's type. ``target``: the row's key, such as ``shop/v42:1``."""
    key, _, number = target.rpartition(":")
    app, _, slot = key.partition("/v")
    return TargetCount(
        app=app,
        slot=int(slot),
        number=int(number),
        requests=row.requests,
        in_flight=row.in_flight,
        router_errors=max(0, row.errors - row.app_errors),
        app_errors=row.app_errors,
        by_class=(*row.by_class, row.errors),
        waits=row.waits,
        seconds=row.milliseconds / 1000,
    )
