"""The groups of requests that the client is made of; each is imported when one of its requests is made."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pvdify.client.calls.asking import Asking

if TYPE_CHECKING:
    from pvdify.client.calls.access import AccessCalls
    from pvdify.client.calls.apps import AppCalls
    from pvdify.client.calls.backups import BackupCalls
    from pvdify.client.calls.config import ConfigCalls
    from pvdify.client.calls.connections import ConnectionCalls
    from pvdify.client.calls.jobs import JobCalls
    from pvdify.client.calls.logs import LogCalls
    from pvdify.client.calls.people import PeopleCalls
    from pvdify.client.calls.previews import PreviewCalls
    from pvdify.client.calls.processes import ProcessCalls
    from pvdify.client.calls.releases import ReleaseCalls
    from pvdify.client.calls.runs import RunCalls
    from pvdify.client.calls.services import ServiceCalls
    from pvdify.client.calls.volumes import VolumeCalls

# The class of each module, and its requests.
CALLS = {
    "access": (
        "AccessCalls",
        "tokens create_token revoke_token registries log_in_to_registry log_out_of_registry",
    ),
    "apps": (
        "AppCalls",
        "apps app set_maintenance rename_app pause resume create_app destroy_app domains add_domain "
        "domain_grants grant_domain revoke_domain remove_domain",
    ),
    "backups": (
        "BackupCalls",
        "backups set_backup_target schedule_backups run_backup verify_backup plan_restore restore_backup "
        "follow_backup_task",
    ),
    "config": (
        "ConfigCalls",
        "config change_config reveal_config config_file import_config roll_back_config copy_config "
        "config_versions recipients add_recipient remove_recipient rotate_secrets",
    ),
    "connections": (
        "ConnectionCalls",
        "notifications add_notification remove_notification test_notification deliveries posthog "
        "connect_posthog disconnect_posthog edge connect_edge disconnect_edge "
        "runtime choose_runtime cancel_runtime_move",
    ),
    "jobs": ("JobCalls", "jobs run_job set_job_paused job_runs job_output follow_job"),
    "logs": ("LogCalls", "logs follow_logs visits follow_visits events follow_events"),
    "people": (
        "PeopleCalls",
        "sign_in_link users invite_user set_user_role remove_user sign_user_out sessions revoke_session",
    ),
    "previews": ("PreviewCalls", "previews put_preview close_preview keep_preview links link unlink"),
    "processes": ("ProcessCalls", "processes process_overview scale restart set_stopped operation"),
    "releases": (
        "ReleaseCalls",
        "releases release deploy rollback rollback_plan diff cancel deploy_log follow_deploy",
    ),
    "runs": ("RunCalls", "run exec open_tunnel follow_run write_run resize_run end_run"),
    "services": (
        "ServiceCalls",
        "services service create_service change_service upgrade_service plan_service_upgrade destroy_service "
        "link_service unlink_service connect_service service_lines follow_service",
    ),
    "volumes": ("VolumeCalls", "volumes destroy_volume restore_volume"),
}
_OWNERS = {name: (module, kind) for module, (kind, names) in CALLS.items() for name in names.split()}


if TYPE_CHECKING:

    class AllCalls(
        AccessCalls,
        AppCalls,
        BackupCalls,
        ConfigCalls,
        ConnectionCalls,
        JobCalls,
        LogCalls,
        PeopleCalls,
        PreviewCalls,
        ProcessCalls,
        ReleaseCalls,
        RunCalls,
        ServiceCalls,
        VolumeCalls,
    ):
        """Every request to one server."""

else:

    class AllCalls(Asking):
        """Every request to one server. The group of a request is imported when the request is first made."""

        def __getattr__(self, name: str) -> Any:
            module, kind = _OWNERS.get(name) or self._unknown(name)
            return getattr(getattr(import_module(f"pvdify.client.calls.{module}"), kind)(self._session), name)

        def _unknown(self, name: str) -> Any:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
