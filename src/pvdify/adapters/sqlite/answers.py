"""Answers of queries, kept until a table that they were read from is written to.

The thread that writes counts the writes of each table before it reports that a write is done. So an answer that is
still valid contains every write whose caller has returned.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Tables of records that are read again and again. Others only grow (events, runs), or each question is another one.
KEPT = frozenset({
    "apps", "backup_plans", "config_versions", "former_names", "grants", "job_records", "links", "noted_statuses",
    "operations", "previews", "releases", "runtime_choices", "scales", "service_links", "services", "sessions", "slots",
    "subscriptions", "switch_counts", "tokens", "users", "volumes",
})  # fmt: skip
MOST_ANSWERS = 4096
LEAST_SWEPT = 256  # answers; invalid ones are looked for whenever the number of answers has doubled
MOST_RECORDS = 100  # in the answer to a question about one app; a list of everything may have more
_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE(?:\s+OR\s+\w+)?)\s+([a-z_]+)", re.IGNORECASE)
Key = tuple[str, tuple[object, ...]]


@dataclass(kw_only=True, slots=True)
class Read:
    """The records that a query found, and the count of writes to its tables at that time.

    ``valid_at``: the count of all writes when the answer was last found to be valid.
    """

    records: tuple[Any, ...]
    writes: int
    valid_at: int = -1


class Answers:
    """The answers. ``written`` is called by the thread that writes, everything else may be called by any thread."""

    def __init__(self, statements: Mapping[str, str]) -> None:
        self._tables = {name: tables_of(statement) for name, statement in statements.items()}
        self._writes: dict[str, int] = {}
        self._all_writes = 0
        self._found: OrderedDict[Key, Read] = OrderedDict()
        self._sweep_at = LEAST_SWEPT  # answers

    def written(self, statements: Iterable[str]) -> None:
        """Count a transaction with these statements, also if it is unknown whether it was committed."""
        for table in {table for statement in statements for table in tables_of(statement)}:
            self._writes[table] = self._writes.get(table, 0) + 1
        self._all_writes += 1  # last: who sees this number sees those above

    def writes(self, query: str) -> int:
        """Return how often the tables of a named query were written to."""
        return self.writes_to(self._tables[query])

    def writes_to(self, tables: Iterable[str]) -> int:
        """Return how often these tables were written to."""
        return sum(self._writes.get(table, 0) for table in tables)

    def known(self, query: str, values: Mapping[str, object]) -> tuple[Any, ...] | None:
        """Return the records of an answer that is still valid, or None."""
        key = (query, tuple(values.values()))
        read = self._found.get(key)
        if read is None:
            return None
        now = self._all_writes
        if read.valid_at != now:
            if read.writes != self.writes(query):
                return None  # it stays until it is replaced, so that unchanged records are not parsed again
            read.valid_at = now
            self._found.move_to_end(key)
        return read.records

    def keep(self, query: str, values: Mapping[str, object], read: Read) -> None:
        """Keep an answer, unless its table is none of ``KEPT`` or the answer is long."""
        is_short = len(read.records) <= MOST_RECORDS or not any(values.values())
        if not is_short or not self._tables[query] or not self._tables[query] <= KEPT:
            return
        self._found[query, tuple(values.values())] = read
        if len(self._found) >= self._sweep_at:
            self._sweep()
        while len(self._found) > MOST_ANSWERS:
            self._found.popitem(last=False)

    def _sweep(self) -> None:
        """Drop answers that are no longer valid. A question that is not asked again would keep its answer for long."""
        for key in [key for key, read in self._found.items() if read.writes != self.writes(key[0])]:
            del self._found[key]
        self._sweep_at = max(LEAST_SWEPT, 2 * len(self._found))


@lru_cache(maxsize=1024)
def tables_of(statement: str) -> frozenset[str]:
    """Return the tables that a statement names after FROM, JOIN, INTO or UPDATE."""
    return frozenset(name.lower() for name in _TABLE.findall(statement))
