"""What the programs in the PostgreSQL services of a machine of fakes answer."""

from pvdify.model.service_kinds import KINDS
from tests.fakes.machine import Machine

ROW = KINDS["postgres"]
DUMP = "CREATE TABLE orders ...\n"
ROWS = 500


class Databases:
    """At first every service holds ``ROWS`` rows, and gives them all."""

    def __init__(self, machine: Machine) -> None:
        self._inside = machine.inside
        self.hold(ROWS)

    def hold(self, rows: int, *, dumped: int | None = None, version: str = "15.3") -> None:
        """Let every service hold this many rows; its dump has ``dumped`` rows, by default as many."""
        counted = rows if dumped is None else dumped
        self._inside.answer(ROW.dump, output=DUMP * (1 + counted), error=f"=db.public.orders|{counted}\n")
        self._inside.answer(ROW.count, output=f"db.public.orders|{rows}\n")
        self._inside.answer(ROW.version, output=f"postgres (PostgreSQL) {version}\n")
        for command in (ROW.restore, ROW.rotate, ROW.health):
            self._inside.answer(command)
