"""/backups."""

from pvdify.model.backup import Counts
from pvdify.model.token import Role
from tests.unit.api.conftest import IMAGE, Api

DATA = {"volumes": {"data": {"path": "/data"}}}
TARGET = "sftp:backup@nas.example.com:/srv/pvdify"


async def make_app(api: Api) -> str:
    """Deploy an app with a volume; the volume's id."""
    await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": DATA})
    await api.daemon.finish("shop", 1)
    (id,) = await api.machine.volumes.find()
    api.machine.backups.content[id] = Counts(files=40, bytes=5000, databases=1, rows=900)
    return id


async def done(api: Api, answer: dict[str, object]) -> dict[str, object]:
    """Run the keeper and return the ended task."""
    await api.daemon.keeper.run_due()
    found = await api("GET", f"/backups/tasks/{answer['id']}")
    assert found.json["is_over"]
    return found.json


async def test_a_backup_target_is_set_and_its_password_shown_once(api: Api):
    first = await api("PUT", "/backups/target", {"location": TARGET, "keys": {"SSH_PRIVATE_KEY": "a key"}})
    again = await api("PUT", "/backups/target", {"location": TARGET})
    shown = await api("GET", "/backups")

    assert first.status == 200
    assert first.json["password"] == api.machine.backups.password
    assert len(first.json["password"]) > 40
    assert again.json["password"] is None
    assert shown.json["target"]["location"] == TARGET
    assert "password" not in str(shown.json["target"].get("keys", ""))
    assert shown.json["target"]["password"] is None
    assert shown.json["target"]["next_backup_at"] == "2026-01-02T03:00:00Z"


async def test_invalid_backup_targets_are_refused(api: Api):
    inside = f"{api.machine.settings.data_dir}/backups"
    for location in ("ftp://x/y", "s3:https://key:secret@host/bucket", "sftp:host", inside, "relative/path"):
        answer = await api("PUT", "/backups/target", {"location": location})

        assert (answer.status, answer.json["code"]) == (422, "invalid-backup-target"), location
    odd = await api("PUT", "/backups/target", {"location": TARGET, "keys": {"LD_PRELOAD": "x"}})
    assert odd.json["code"] == "invalid-backup-target"


async def test_backups_are_made_verified_and_listed(api: Api):
    await make_app(api)
    assert (await api("POST", "/backups")).json["code"] == "no-backup-target"
    await api("PUT", "/backups/target", {"location": TARGET})

    made = await done(api, (await api("POST", "/backups")).json)
    (before,) = (await api("GET", "/backups")).json["backups"]
    proven = await done(api, (await api("POST", "/backups/verify", {})).json)
    (after,) = (await api("GET", "/backups")).json["backups"]
    (volume,) = (await api("GET", "/apps/shop/volumes")).json["volumes"]

    assert made["state"] == proven["state"] == "succeeded"
    assert before["proven_at"] is None
    assert after["proven_at"] is not None
    assert [(it["kind"], it["app"], it["name"], it["files"], it["rows"]) for it in after["items"]] == [
        ("volume", "shop", "data", 40, 900), ("server", "", "server", 3, 10),
    ]  # fmt: skip
    assert after["items"][0]["held"] == 0.25
    assert volume["last_backup_at"] == after["made_at"]
    check = next(it for it in (await api("GET", "/status")).json["checks"] if it["name"] == "backups")
    assert check["state"] == "ok"
    assert "proven" in check["text"]


async def test_volumes_without_backups_need_attention(api: Api):
    await make_app(api)

    check = next(it for it in (await api("GET", "/status")).json["checks"] if it["name"] == "backups")

    assert (check["state"], check["next"]) == ("warning", "`pvdify backups:target LOCATION`")


async def test_a_restore_never_replaces_a_volume_unless_requested(api: Api):
    old = await make_app(api)
    await api("PUT", "/backups/target", {"location": TARGET})
    await done(api, (await api("POST", "/backups")).json)

    refused = await api("POST", "/backups/restore", {"app": "shop"})
    running = await api("POST", "/backups/restore", {"app": "shop", "replace": True})
    plan = await api("POST", "/backups/restore/plan", {"app": "shop", "to": "copy"})
    beside = await done(api, (await api("POST", "/backups/restore", {"app": "shop", "to": "copy"})).json)

    assert (refused.status, refused.json["code"]) == (409, "volume-exists")
    assert (running.status, running.json["code"]) == (409, "volume-in-use")
    assert plan.json["steps"][0] == "make the app copy"
    assert beside["state"] == "succeeded"
    (copied,) = await api.machine.store.volumes("copy")
    assert api.machine.backups.content[copied.id].rows == 900
    assert [it.id for it in await api.machine.store.volumes("shop")] == [old]


async def test_restoring_a_stopped_app_replaces_its_volume_and_keeps_the_old_one_in_the_trash(api: Api):
    old = await make_app(api)
    await api("PUT", "/backups/target", {"location": TARGET})
    await done(api, (await api("POST", "/backups")).json)
    await api("POST", "/apps/shop/processes/stop")
    while any(it.state.value == "running" for it in await api.machine.supervisor.find("shop")):
        await api.machine.clock.sleep(1.0)

    ended = await done(api, (await api("POST", "/backups/restore", {"app": "shop", "replace": True})).json)

    assert ended["state"] == "succeeded", ended["cause"]
    volumes = {it.id: it.is_trashed for it in await api.machine.store.volumes("shop")}
    assert len(volumes) == 2
    assert volumes[old] is True


async def test_only_admins_see_and_change_backups(api: Api):
    token = await api.make_token(Role.DEPLOY)

    for method, path in (("GET", "/backups"), ("POST", "/backups"), ("PUT", "/backups/target")):
        assert (await api(method, path, authorization=f"Bearer {token}")).status == 403


async def test_the_schedule_is_changed(api: Api):
    await api("PUT", "/backups/target", {"location": TARGET})

    changed = await api("PATCH", "/backups/target", {"schedule": "30 1 * * *", "drills": "none", "keep_daily": 14})
    wrong = await api("PATCH", "/backups/target", {"schedule": "every night"})
    too_few = await api("PATCH", "/backups/target", {"keep_daily": 0})

    assert (changed.json["schedule"], changed.json["drills"], changed.json["keep_daily"]) == ("30 1 * * *", "", 14)
    assert changed.json["next_drill_at"] is None
    assert wrong.json["code"] == too_few.json["code"] == "invalid-backup-target"
