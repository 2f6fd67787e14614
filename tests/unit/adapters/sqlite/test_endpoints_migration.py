"""Instances recorded with a loopback port are migrated to an endpoint."""

import sqlite3
from contextlib import closing

from pydantic import TypeAdapter

from pvdify.adapters.sqlite.queries import migrations
from pvdify.model.endpoint import NO_ROUTE, Endpoint
from pvdify.model.slot import Phase, Placement

OLD = (
    '[{"name":"pvdify-shop-web-v1-1","process":"web","number":1,"host_port":3001,"phase":"up"},'
    '{"name":"pvdify-shop-worker-v1-1","process":"worker","number":1,"host_port":null,"phase":"leaving"}]'
)


def test_loopback_ports_become_endpoints_and_a_missing_route_is_explicit():
    number = next(index for index, script in enumerate(migrations()) if "$.host_port" in script)
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript("".join(migrations()[:number]))
        for slot, placements in ((1, OLD), (2, "[]")):
            database.execute(
                "INSERT INTO slots VALUES ('shop', ?, 'blue', 'live', '2026-01-01T12:00:00+00:00', ?)",
                (slot, placements),
            )
        database.executescript(migrations()[number])
        rows = database.execute("SELECT placements FROM slots ORDER BY number").fetchall()

    first, second = (TypeAdapter(tuple[Placement, ...]).validate_json(row[0]) for row in rows)
    web, worker = first
    assert (web.endpoint, web.has_route) == (Endpoint("127.0.0.1", 3001), True)
    assert (worker.endpoint, worker.phase, worker.has_route) == (NO_ROUTE, Phase.LEAVING, False)
    assert second == ()
