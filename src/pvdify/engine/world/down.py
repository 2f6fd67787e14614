"""The web instances that are known to be down, and are left out of routes if another instance of the slot is up."""

from collections.abc import Iterable

from pvdify.model.names import WEB, instance_name, name_end
from pvdify.model.route import Route
from pvdify.model.slot import Placement


class DownTargets:
    """The set of web instances that are down, in memory. After a restart of pvdifyd, the reconciler fills it again.

    Targets of a route are compared by endpoint and the end of the instance's name, because the app may have had another
    name when the instance was started.
    """

    def __init__(self) -> None:
        self._places: dict[str, Placement] = {}

    def add(self, place: Placement) -> None:
        """Add an instance that exited. An instance without a route is ignored."""
        if place.has_route:
            self._places[place.name] = place

    def discard(self, place: Placement) -> None:
        """Remove an instance that has answered its health check."""
        self._places.pop(place.name, None)

    def has(self, place: Placement) -> bool:
        """Whether this instance is known to be down."""
        return place.name in self._places

    @property
    def is_empty(self) -> bool:
        """Whether no instance is known to be down."""
        return not self._places

    def keep_only(self, places: Iterable[Placement]) -> None:
        """Remove every instance that is not among these placements."""
        names = {place.name for place in places}
        self._places = {name: place for name, place in self._places.items() if name in names}

    def leave_out(self, route: Route) -> Route:
        """Return the route without the instances that are down, or the whole route if all of them are down."""
        ends = {(place.endpoint, name_end(name)) for name, place in self._places.items()}
        pairs = zip(route.targets, route.numbers, strict=True)
        serving = route.without({target for target, number in pairs if (target, _end(route, number)) in ends})
        return serving if serving.targets else route


def _end(route: Route, number: int) -> str:
    return name_end(instance_name(route.app, WEB, route.slot or 0, number))
