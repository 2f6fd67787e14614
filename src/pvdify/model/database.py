"""The database as such: which one it is, and which containers were made with it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DatabaseIdentity:
    """``id`` is a label of every container that was made with this database.

    ``is_apart``: it was begun anew beside the containers of an earlier database, and keeps its files apart from theirs.
    """

    id: str = ""
    is_apart: bool = False

    def owns(self, label: str) -> bool:
        """Whether a container with this label is this database's; empty: it was made before there were ids."""
        return label == self.id if label else not self.is_apart


UNNAMED = DatabaseIdentity()  # of tests and trials that have no database: owns only containers without the label
