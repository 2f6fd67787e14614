"""Which web instances are known to be down: no route is given to them while another instance of the slot is up."""

from collections.abc import Iterable

from pvdify.model.names import WEB, instance_name, name_end
from pvdify.model.route import Route
from pvdify.model.slot import Placement


class DownTargets:
    """Kept in memory: after a restart of pvdifyd the reconciler finds out again what is down.

    An instance is known by its port and the end of its name, because an app may have had another name when the instance
    was started.
    """

    def __init__(self) -> None:
        self._places: dict[str, Placement] = {}

    def add(self, place: Placement) -> None:
        """Note that this instance has ended. One without a route is not kept."""
        if place.has_route:
            self._places[place.name] = place

    def discard(self, place: Placement) -> None:
        """Note that this instance answered its health check."""
        self._places.pop(place.name, None)

    def has(self, place: Placement) -> bool:
        """Whether this instance is known to be down."""
        return place.name in self._places

    def keep_only(self, places: Iterable[Placement]) -> None:
        """Forget every instance that has none of these places."""
        names = {place.name for place in places}
        self._places = {name: place for name, place in self._places.items() if name in names}

    def leave_out(self, route: Route) -> Route:
        """The route without the instances that are down; the whole route where none of them is up."""
        ends = {(place.endpoint, name_end(name)) for name, place in self._places.items()}
        pairs = zip(route.targets, route.numbers, strict=True)
        serving = route.without({target for target, number in pairs if (target, _end(route, number)) in ends})
        return serving if serving.targets else route


def _end(route: Route, number: int) -> str:
    return name_end(instance_name(route.app, WEB, route.slot or 0, number))
