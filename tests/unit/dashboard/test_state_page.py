"""*State* lists services and backups; *Now* and *Server* warn if no recent backup is verified."""

import asyncio
from dataclasses import replace

from pvdify.engine.state.services.services import ServiceRequest
from pvdify.model.backup import BackupItem, ItemKind
from pvdify.model.token import Role
from tests.support.databases import ROWS, Databases
from tests.unit.dashboard.conftest import ADMIN, Site

POSTGRES = "reg.example.com/postgres:15"


async def with_backup(site: Site, *, is_proven: bool) -> None:
    """Link shop to db and make a backup of db."""
    daemon, databases = site.daemon, Databases(site.machine)
    site.machine.registry.push(POSTGRES, content="postgres")
    await daemon.requests.create_app("shop", ADMIN)
    await daemon.requests.create_app("blog", ADMIN)
    await daemon.services.create("db", ServiceRequest(kind="postgres", image=POSTGRES), ADMIN)
    for _ in range(3):
        await daemon.service_keeper.advance_all()
        await daemon.service_keeper.settle()
        await daemon.clock.sleep(6.0)
    await daemon.service_links.link("db", "shop", None, ADMIN)
    await daemon.backups.set_target("/mnt/nas", {}, ADMIN)
    await daemon.backups.run(ADMIN)
    await daemon.keeper.run_due()
    if not is_proven:
        databases.hold(ROWS - 1)
    await daemon.backups.verify("", ADMIN, accepts_smaller=False)
    await daemon.keeper.run_due()


async def page_of(site: Site, path: str, app: str | None = None) -> str:
    browser = await site.signed_in(Role.READ, app)
    for _ in range(3):  # what takes time is asked for in the background
        await browser.get(path)
        await asyncio.sleep(0)
    return (await browser.get(path)).content.decode()


async def test_state_shows_linked_services_and_backups_of_the_app(site: Site) -> None:
    await with_backup(site, is_proven=True)

    shop, blog = await page_of(site, "/apps/shop/state"), await page_of(site, "/apps/blog/state")

    assert "DATABASE_URL" in shop
    assert POSTGRES in shop
    assert "stored" in shop
    assert "never" not in shop.partition("Backups</h2>")[2].partition("<h2")[0]
    assert "No service is linked" in blog
    assert "No backup has anything of blog" in blog


async def test_a_failed_drill_needs_attention_and_names_the_next_step(site: Site) -> None:
    await with_backup(site, is_proven=False)

    now, server, state = [await page_of(site, path) for path in ("/", "/server", "/apps/shop/state")]

    for page in (now, server, state):
        assert "db.public.orders has 499 instead of 500" in page
        assert "pvdify backups:verify" in page
    assert "No recent backup is proven" in now


async def test_the_backup_warning_is_hidden_from_a_token_of_one_app(site: Site) -> None:
    await with_backup(site, is_proven=False)

    assert "No recent backup is proven" not in await page_of(site, "/", app="shop")


async def test_a_user_of_one_app_reads_of_a_backup_only_what_is_of_this_app(site: Site) -> None:
    await with_backup(site, is_proven=False)
    (backup,) = await site.engine.backups.for_app("shop")
    foreign = BackupItem(kind=ItemKind.VOLUME, app="blog", name="data", problem="its hook said s3cret")
    cause = "the volume data of blog: its hook said s3cret"
    both = replace(backup, items=(*backup.items, foreign), cause=cause, proof=(cause, *backup.proof))
    await site.machine.store.save(both)

    shop, everyone = await page_of(site, "/apps/shop/state", app="shop"), await page_of(site, "/apps/shop/state")

    assert ("s3cret" in shop, "499 instead of 500" in shop, "s3cret" in everyone) == (False, True, True)


async def test_the_state_of_the_server_is_hidden_from_a_user_of_one_app(site: Site) -> None:
    await site.engine.requests.create_app("shop", ADMIN)

    shop, everyone = await page_of(site, "/", app="shop"), await page_of(site, "/")

    assert ("Containers" in shop, "Containers" in everyone) == (False, True)


async def test_with_a_verified_backup_nothing_needs_attention(site: Site) -> None:
    await with_backup(site, is_proven=True)

    assert "No recent backup is proven" not in await page_of(site, "/")


async def test_a_drill_that_is_too_long_ago_needs_attention(site: Site) -> None:
    await with_backup(site, is_proven=True)
    site.machine.clock.jump(10 * 86400.0)
    plan, now = await site.machine.store.backup_plan(), site.machine.clock.now()
    assert plan is not None
    await site.machine.store.save(replace(plan, accounted=now, drills_accounted=now))  # as if drills were stuck
    await site.daemon.backups.run(ADMIN)
    await site.daemon.keeper.run_due()

    assert "none was proven since 2026-01-0" in await page_of(site, "/")
