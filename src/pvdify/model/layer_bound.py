"""How much a container can write into itself, outside its volumes."""

from dataclasses import dataclass

from pvdify.quantities import exact_bytes


@dataclass(frozen=True, kw_only=True)
class LayerBound:
    """The most bytes that a new container can write into itself.

    ``size``: None if there is no bound, for the cause ``why``. Then only the disk use of each app is measured.
    """

    size: int | None = None
    why: str = ""

    @property
    def text(self) -> str:
        """One line about it for people."""
        if self.size is None:
            return f"measured, not limited: {self.why}"
        return f"limited to {exact_bytes(self.size)} in each new container (`max_container_disk`)"
