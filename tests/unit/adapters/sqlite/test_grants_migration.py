"""Hostnames and registries that apps used before grants existed are granted to them."""

import sqlite3
from contextlib import closing

from pvdify.adapters.sqlite.queries import migrations

AT = "2026-01-01T12:00:00.000000+00:00"


def test_hostnames_and_registries_in_use_are_granted():
    number = next(index for index, script in enumerate(migrations()) if "CREATE TABLE grants" in script)
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript("".join(migrations()[:number]))
        database.execute(
            "INSERT INTO apps (name, created_at, updated_at, is_in_maintenance, domains) "
            "VALUES ('shop', ?, ?, 0, '[\"added.example\"]')", (AT, AT),
        )  # fmt: skip
        for version, status, domain in ((1, "active", "live.example"), (2, "failed", "never.example")):
            database.execute(
                "INSERT INTO releases (app, version, image, config_version, manifest, status, created_at, created_by, "
                "description, source, was_live) "
                "VALUES ('shop', ?, '127.0.0.1:5000/shop:v1', 0, ?, ?, ?, 'ci', '', '{}', ?)",
                (version, f'{{"domains": ["{domain}"]}}', status, AT, status == "active"),
            )
        database.executescript(migrations()[number])

        found = database.execute("SELECT kind, name, created_by FROM grants ORDER BY kind, name").fetchall()

    assert found == [
        ("hostname", "added.example", "upgrade"),
        ("hostname", "live.example", "upgrade"),
        ("registry", "127.0.0.1:5000", "upgrade"),
    ]
