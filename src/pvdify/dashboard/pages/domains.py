"""The *Domains* page: the hostnames of an app, and the state of each at the edge."""

from starlette.responses import Response

from pvdify.dashboard.call import Call


async def show_domains(call: Call) -> Response:
    """Show the hostnames with their origin, and the problems that the edge reports."""
    engine = call.engine
    found, edge = await engine.domains.list(call.app), await engine.edge.show()
    state = edge.state if edge else None
    problems = {it.hostname: it for it in (state.problems if state else ())}
    return call.app_page(
        "domains.html", "Domains", domains=found, grants=await engine.domains.grants(call.app), edge=edge,
        problems=problems, urls=await engine.queries.urls(),
    )  # fmt: skip


async def add_domain(call: Call) -> Response:
    """Add a hostname to the app."""
    domain, is_new = await call.engine.domains.add(call.app, call.field("hostname"), call.actor)
    said = f"{call.app} answers to {domain.hostname}" + ("" if is_new else " already") + "."
    return call.done(f"/apps/{call.app}/domains", said)


async def remove_domain(call: Call) -> Response:
    """Remove a hostname from the app."""
    hostname = call.field("hostname")
    await call.engine.domains.remove(call.app, hostname, call.actor)
    undo = f"Undo: `pvdify domains:add {call.app} {hostname}`"
    return call.done(f"/apps/{call.app}/domains", f"{call.app} no longer answers to {hostname}. {undo}")
