"""Every file of code that writes to a disk is in a table, with the tests in which that disk fails."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "pvdify"
WRITING = {
    "NamedTemporaryFile", "TemporaryDirectory", "TemporaryFile", "append_whole", "copy2", "copyfile", "copytree",
    "ftruncate", "mkdir", "mkdtemp", "mkfifo", "mkstemp", "posix_fallocate", "symlink", "symlink_to", "touch",
    "truncate", "write_bytes", "write_text", "write_whole",
}  # fmt: skip
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
FLAGS = {"O_RDWR", "O_WRONLY"}
WRITERS, SERVER = "support/writers.py::", "support/server_writers.py::"
CLUSTER_LOGS = (
    "unit/adapters/kubernetes/test_collector.py::test_lines_lost_to_a_full_disk_are_written_when_they_are_sent_again"
)
DISKS = "unit/adapters/test_failing_disks.py::test_"
SQLITE = "unit/adapters/sqlite/test_full_disk.py::test_"
LOGS = f"{DISKS}log_lines_are_buffered_while_the_disk_fails"

# File: how many functions in it write, and where their writing is made to fail.
TESTED_BY: dict[str, tuple[int | str, ...]] = {
    "adapters/files/backup_files.py": (2, f"{SERVER}backup_of_the_server"),
    "adapters/files/databases.py": (1, f"{DISKS}a_full_disk_is_not_reported_as_a_damaged_database_in_a_backup"),
    "adapters/files/deploy_log.py": (1, f"{DISKS}a_log_that_cannot_be_moved_stays_where_it_is"),
    "adapters/files/line_files.py": (2, LOGS),
    "adapters/files/reserve.py": (1, f"{DISKS}a_reserve_that_cannot_be_allocated_leaves_no_file"),
    "adapters/files/tunnel_token.py": (1, f"{WRITERS}tunnel"),
    "adapters/files/whole_file.py": (1, f"{WRITERS}config"),
    "adapters/haproxy/access_log.py": (
        1, f"{DISKS}a_failed_rotation_of_the_access_log_loses_no_more_than_a_successful_one",
    ),
    "adapters/haproxy/disk.py": (4, f"{SERVER}router_files", f"{SERVER}route"),
    "adapters/haproxy/process.py": (1, f"{SERVER}router_files"),
    "adapters/haproxy/router.py": (1, f"{SERVER}router_files"),
    "adapters/kubernetes/collector.py": (2, CLUSTER_LOGS),
    "adapters/kubernetes/volume_copies.py": (
        1, "unit/adapters/kubernetes/test_volume_copies.py::test_a_full_disk_of_this_machine_is_named",
    ),
    "adapters/podman/instances/containers.py": (1, f"{WRITERS}prepared_instance"),
    "adapters/podman/attached/inside.py": (1, f"{SERVER}entered_instance"),
    "adapters/podman/instances/instance_dir.py": (
        3, f"{WRITERS}instance_directory",
        f"{SERVER}gate",
        f"{DISKS}a_restart_succeeds_although_its_count_cannot_be_recorded",
    ),
    "adapters/podman/instances/launch.py": (3, "unit/adapters/podman/test_launch.py::test_a_full_disk"),
    "adapters/podman/instances/launcher.py": (2, f"{WRITERS}launcher"),
    "adapters/podman/logs/logs.py": (1, f"{WRITERS}instance_directory"),
    "adapters/podman/images/registry_logins.py": (2, f"{WRITERS}registry_logins", f"{SERVER}checked_login"),
    "adapters/podman/instances/starter.py": (1, f"{SERVER}adopted_container"),
    "adapters/podman/layers/bounds.py": (
        2, "unit/adapters/podman/test_layer_bounds.py::"
        "test_a_disk_that_refuses_the_files_of_a_trial_leaves_containers_without_a_limit",
    ),
    "adapters/podman/machine_root.py": (
        1, "unit/adapters/podman/test_user_support.py::test_a_full_disk_is_an_obstacle",
    ),
    "adapters/podman/users/support.py": (
        2, "unit/adapters/podman/test_user_support.py::test_a_disk_that_refuses_the_files_of_a_trial_is_an_obstacle",
    ),
    "adapters/podman/volumes/tree_copy.py": (5, f"{SERVER}volume_copy"),
    "adapters/podman/volumes/volume_copies.py": (1, f"{SERVER}mark_of_the_paused"),
    "adapters/restic/targets.py": (2, f"{SERVER}backup_key"),
    "adapters/sops/key_files.py": (3, f"{SERVER}rotated_key", f"{SERVER}recipients"),
    "adapters/sops/vault.py": (2, f"{SERVER}renamed_config", f"{WRITERS}config"),
    "adapters/sqlite/copy.py": (1, f"{SERVER}copy_of_the_database"),
    "adapters/sqlite/store.py": (1, f"{SQLITE}the_cause_of_a_failed_system_call_is_named"),
    "adapters/systemd/cloudflared.py": (2, f"{SERVER}tunnel_unit"),
    "adapters/systemd/exits.py": (
        2, f"{DISKS}a_stop_continues_if_its_grace_period_cannot_be_recorded", f"{SERVER}started_unit",
    ),
    "adapters/systemd/journal.py": (1, f"{DISKS}a_mark_that_cannot_be_written_is_effective_in_memory"),
    "adapters/systemd/units.py": (1, f"{WRITERS}unit"),
    "client/saved_login.py": (1, f"{DISKS}a_failed_save_of_a_login_leaves_no_temporary_file_with_the_token"),
    "daemon/admin_token.py": (1, f"{SERVER}admin_token"),
    "daemon/cluster_runtime.py": (1, CLUSTER_LOGS),
    "daemon/database.py": (3, f"{SERVER}identity_of_the_database", f"{SERVER}new_database"),
    "daemon/directories.py": (3, f"{SERVER}data_directory", f"{SERVER}lock_of_the_directory"),
    "daemon/webhook_secret.py": (1, f"{SERVER}webhook_secret"),
    "installation/actions.py": (2, f"{SERVER}installed_file"),
    "installation/archive.py": (1, f"{WRITERS}server_backup"),
    "installation/backing_up.py": (2, f"{WRITERS}server_backup", f"{SERVER}collected_server"),
    "installation/restoring.py": (4, f"{SERVER}restored_server"),
}  # fmt: skip
# Files that the command line writes for its user, and temporary files.
OF_A_PERSON = {
    "cli/commands/completion.py": 1,
    "cli/main.py": 1,
    "cli/manifest_file.py": 1,
    "cli/programs.py": 1,
    "cli/workflow.py": 1,
    "installation/doctor/trial.py": 1,
    "installation/from_target.py": 2,
    "installation/user_actions.py": 1,
}


def _is_write(call: ast.AST) -> bool:
    if not isinstance(call, ast.Call):
        return False
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if called not in ("open", "to_thread"):
        return called in WRITING
    words = [each for each in ast.walk(call) if isinstance(each, ast.Attribute | ast.Name)]
    names = [each.attr if isinstance(each, ast.Attribute) else each.id for each in words]
    if called == "open":
        modes = [each.value for each in ast.walk(call) if isinstance(each, ast.Constant)]
        return bool(FLAGS & set(names)) or any(re.fullmatch(r"[rwxabt+]*[wxa+][bt]?", str(mode)) for mode in modes)
    return bool(WRITING & set(names))  # what runs in a thread is an argument


def _writes(file: Path) -> int:
    """How many functions write, by their names."""
    functions = [each for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, _FUNCTION)]
    return len({each.name for each in functions if any(_is_write(it) for it in ast.walk(each))})


def test_every_writing_function_is_in_the_table():
    found = {str(file.relative_to(SOURCES)): _writes(file) for file in SOURCES.rglob("*.py")}

    expected = {file: row[0] for file, row in TESTED_BY.items()} | OF_A_PERSON
    assert {file: count for file, count in found.items() if count} == expected


@pytest.mark.parametrize("test", sorted({str(it) for row in TESTED_BY.values() for it in row[1:]}))
def test_every_entry_of_the_table_exists(test: str):
    file, _, name = test.partition("::")
    assert re.search(rf"def {name}", (ROOT / "tests" / file).read_text())
