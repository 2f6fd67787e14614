"""The identity of the database, and the containers that belong to it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DatabaseIdentity:
    """The database's identity. ``id`` is a label of every container that was created with this database.

    ``is_apart``: the database was created beside containers of an earlier database, and keeps its files separate from
    theirs.
    """

    id: str = ""
    is_apart: bool = False

    def owns(self, label: str) -> bool:
        """Return whether a container with this label belongs to this database. An empty one is from before ids."""
        return label == self.id if label else not self.is_apart


UNNAMED = DatabaseIdentity()  # for tests and trials without a database: owns only containers without the label
