"""Which users of the host the containers of each app are."""

import json
from pathlib import Path

import pytest

from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.podman.users.ranges import UserBlocks, UserRanges
from pvdify.errors import RuntimeUnavailable

FIRST, SECOND = 2013265920, 2013265920 + 65536
TWO = range(FIRST, FIRST + 2 * 65536, 65536)


def ranges(directory: Path, blocks: range = TWO, with_containers: tuple[str, ...] = ()) -> UserRanges:
    async def apps() -> tuple[str, ...]:
        return with_containers

    blocks_of_server = UserBlocks(file=directory / "user-ids.json", blocks=blocks, write_whole=write_whole)
    return UserRanges(blocks_of_server, apps_with_containers=apps)


async def test_each_app_has_a_block_of_its_own_and_keeps_it(tmp_path):
    before = ranges(tmp_path)
    assert [await before.first_of(app) for app in ("shop", "blog", "shop")] == [FIRST, SECOND, FIRST]

    after_a_restart = ranges(tmp_path)

    assert [await after_a_restart.first_of(app) for app in ("blog", "shop")] == [SECOND, FIRST]
    assert (tmp_path / "user-ids.json").stat().st_mode & 0o777 == 0o600


async def test_without_a_free_block_an_app_gets_that_of_one_without_containers(tmp_path):
    known = ranges(tmp_path, with_containers=("blog",))
    await known.first_of("shop")
    await known.first_of("blog")

    assert await known.first_of("news") == FIRST

    assert await known.first_of("blog") == SECOND
    assert json.loads((tmp_path / "user-ids.json").read_text()) == {"blog": SECOND, "news": FIRST}


async def test_an_app_without_a_block_is_refused_while_all_are_in_use(tmp_path):
    known = ranges(tmp_path, with_containers=("shop", "blog"))
    await known.first_of("shop")
    await known.first_of("blog")

    with pytest.raises(RuntimeUnavailable, match="news has no user namespace") as raised:
        await known.first_of("news")

    assert "user_ids" in str(raised.value.next)
    assert await known.first_of("shop") == FIRST


async def test_a_block_outside_a_changed_setting_is_replaced(tmp_path):
    await ranges(tmp_path).first_of("shop")
    moved = range(FIRST * 2 - FIRST % 65536, FIRST * 2 + 65536, 65536)

    assert await ranges(tmp_path, moved).first_of("shop") == moved[0]


@pytest.mark.parametrize("text", ["", "[]", '{"shop": "x"}', '{"shop": null}', "\x00"])
async def test_a_damaged_file_is_written_anew(tmp_path, text):
    (tmp_path / "user-ids.json").write_text(text)

    assert await ranges(tmp_path).first_of("shop") == FIRST

    assert json.loads((tmp_path / "user-ids.json").read_text()) == {"shop": FIRST}


async def test_a_full_disk_is_reported_and_gives_no_block(tmp_path):
    (tmp_path / "data").write_text("not a directory")

    with pytest.raises(RuntimeUnavailable, match="the users of shop could not be recorded"):
        await ranges(tmp_path / "data").first_of("shop")
