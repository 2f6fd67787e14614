"""Conversion of service records to the wire types of the API. Pure functions."""

from pvdify.api.copying import Copying
from pvdify.engine.state.services.services import ServiceView, UpgradePlan
from pvdify.model.service import Service, ServiceLink
from pvdify.settings import Settings
from pvdify.wire import answers

service_link = Copying(ServiceLink, answers.ServiceLink)
service_plan = Copying(UpgradePlan, answers.ServicePlan)
_service = Copying(
    Service, answers.Service, "doing", "volume", "url", "links", "variables", "size", "memory_used", "deleted_at"
)


def service(view: ServiceView, settings: Settings) -> answers.Service:
    """Convert a service; its URL has no password."""
    it = view.service
    return _service(
        it,
        doing=it.pending.kind.value if it.pending else "copy" if it.copy_of else "",
        volume=it.path,
        url=it.url.replace("{host}", it.name).replace("{port}", str(it.port)),
        links=[service_link(link) for link in view.links],
        variables=list(view.variables),
        size=view.size,
        memory_used=view.memory,
        deleted_at=it.trashed_at + settings.trash if it.trashed_at else None,
    )
