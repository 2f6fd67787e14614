import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pvdify.installation.from_target import Volume, _volumes_in


@pytest.mark.parametrize("has_runtimes", [False, True])
def test_volumes_of_apps_in_the_cluster_are_known_as_such(tmp_path: Path, has_runtimes: bool):
    database = tmp_path / "pvdify.db"
    with closing(sqlite3.connect(database)) as making:
        making.execute("CREATE TABLE volumes (id TEXT, app TEXT, name TEXT, trashed_at TEXT)")
        making.execute("CREATE TABLE slots (app TEXT, state TEXT)")
        making.executemany("INSERT INTO volumes VALUES (?, ?, 'data', NULL)", [("1", "blog"), ("2", "shop")])
        making.executemany("INSERT INTO slots VALUES (?, ?)", [("blog", "retired"), ("blog", "live"), ("shop", "live")])
        if has_runtimes:
            making.execute("ALTER TABLE slots ADD COLUMN runtime TEXT NOT NULL DEFAULT ''")
            making.execute("UPDATE slots SET runtime = 'kubernetes' WHERE app = 'shop' OR state = 'retired'")
        making.commit()

    assert _volumes_in(database) == (
        Volume(id="1", app="blog", name="data"),
        Volume(id="2", app="shop", name="data", is_in_cluster=has_runtimes),
    )
