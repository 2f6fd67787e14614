"""Actions: the table of all kinds of events.

Code that emits, filters or announces events uses this table, and ``docs/reference/events.md`` is generated from it.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic_core import core_schema

from pvdify.manifest.names import nearest

_UNKNOWN = "{app}: {action}"


class Action(StrEnum):
    """The name of an event, with the headline of its notice.

    ``is_bad``: the event needs an operator's attention. ``is_usual``: the event is part of a notification that names no
    events.
    """

    headline: str
    is_bad: bool
    is_usual: bool

    def __new__(cls, name: str, headline: str = _UNKNOWN, is_bad: bool = False, is_usual: bool = False) -> "Action":  # noqa: FBT001, FBT002 - an enum passes its members' values by position
        """Create a member with its name, headline and flags."""
        action = str.__new__(cls, name)
        action._value_ = name
        action.headline, action.is_bad, action.is_usual = headline, is_bad, is_usual
        return action

    #                              name                         headline                              is_bad  is_usual
    APP_CREATED = "app.created", "{app} was created"
    APP_RENAMED = "app.renamed", "{app} has a new name"
    APP_DESTROYED = "app.destroyed", "{app} was destroyed"
    APP_PAUSED = "app.paused", "requests for {app} are held"
    APP_RESUMED = "app.resumed", "requests for {app} are no longer held"
    APP_LIVE = "app.live", "{app} is live again", False, True
    APP_DEGRADED = "app.degraded", "{app} is degraded", True, True
    APP_CRASHING = "app.crashing", "{app} is crashing", True, True
    APP_DOWN = "app.down", "{app} is down", True, True
    APP_STOPPED = "app.stopped", "{app} is stopped"
    APP_MAINTENANCE = "app.maintenance", "{app} is in maintenance"
    APP_DISK_EXCEEDED = "app.disk-exceeded", "{app} uses too much disk", True
    APP_DISK_RECOVERED = "app.disk-recovered", "{app} uses less disk again"
    APP_HELD = "app.held", "{app} is held"
    PREVIEW_ON_CLOSE_FAILED = "preview.on-close-failed", "{app}: a command of `previews.on_close` failed", True
    BACKUP_TARGET = "backup.target", "the target of backups was changed"
    BACKUP_SCHEDULE = "backup.schedule", "the schedule of backups was changed"
    BACKUP_MADE = "backup.made", "a backup was made"
    BACKUP_FAILED = "backup.failed", "a backup failed", True, True
    BACKUP_PROVEN = "backup.proven", "a backup was restored and is complete"
    BACKUP_UNPROVEN = "backup.unproven", "a backup could not be proven", True, True
    BACKUP_INTERRUPTED = "backup.interrupted", "work on a backup was interrupted"
    BACKUP_RESTORED = "backup.restored", "{app}: volumes were restored"
    BACKUP_RESTORE_FAILED = "backup.restore-failed", "a restore failed", True
    CLOCK_SET = "clock.set", "the server's clock was set"
    CONFIG_CHANGED = "config.changed", "the config of {app} was changed"
    CONFIG_COPIED = "config.copied", "config was copied to {app}"
    CONFIG_EXPORTED = "config.exported", "the config of {app} was exported"
    CONFIG_REVEALED = "config.revealed", "secrets of {app} were revealed"
    DEPLOY_REQUESTED = "deploy.requested", "{app} {version} was requested"
    DEPLOY_LIVE = "deploy.live", "{app} {version} is live", False, True
    DEPLOY_FAILED = "deploy.failed", "{app} {version} failed", True, True
    DEPLOY_CANCELED = "deploy.canceled", "{app} {version} was canceled"
    DEPLOY_SUPERSEDED = "deploy.superseded", "{app} {version} was superseded by a newer release"
    DOMAIN_ADDED = "domain.added", "{app} has a new hostname"
    DOMAIN_REMOVED = "domain.removed", "a hostname was removed from {app}"
    DOMAIN_GRANTED = "domain.granted", "{app} may use a hostname"
    DOMAIN_REVOKED = "domain.revoked", "{app} may no longer use a hostname"
    EDGE_CONNECTED = "edge.connected", "the edge was connected"
    EDGE_DISCONNECTED = "edge.disconnected", "the edge was disconnected"
    EDGE_FAILED = "edge.failed", "the edge failed"
    EDGE_RECOVERED = "edge.recovered", "the edge works again"
    GITHUB_LINKED = "github.linked", "{app} was linked to a repository"
    GITHUB_UNLINKED = "github.unlinked", "{app} was unlinked from a repository"
    GITHUB_TOLD = "github.told", "GitHub is notified"
    GITHUB_UNTOLD = "github.untold", "GitHub is no longer notified"
    GUARD_TRIPPED = "guard.tripped", "{app} {version} is being rolled back", True, True
    INSTANCE_RESTARTED = "instance.restarted", "{app}: an instance was restarted"
    INSTANCE_MOVED = "instance.moved", "{app}: the cluster has replaced an instance"
    INSTANCE_NOT_STARTED = "instance.not-started", "{app}", True
    INSTANCE_OUT_OF_MEMORY = "instance.out-of-memory", "{app}: an instance ran out of memory", True, True
    INSTANCE_DIED_IN_REQUEST = "instance.died-in-request", "{app}: an instance ended during a request", True
    INSTANCE_UNHEALTHY = "instance.unhealthy", "{app}: an instance stopped answering", True, True
    JOB_REQUESTED = "job.requested", "{app}: a run of a job was requested"
    JOB_STARTED = "job.started", "{app}: a scheduled job started"
    JOB_SUCCEEDED = "job.succeeded", "{app}: a scheduled job succeeded"
    JOB_FAILED = "job.failed", "{app}: a scheduled job failed", True, True
    JOB_INTERRUPTED = "job.interrupted", "{app}: a scheduled job was interrupted", True, True
    JOB_MISSED = "job.missed", "{app}: a scheduled job was missed", True, True
    JOB_SKIPPED = "job.skipped", "{app}: a scheduled job was skipped", False, True
    JOB_OVERDUE = "job.overdue", "{app}: a scheduled job is overdue", True, True
    JOB_PAUSED = "job.paused", "{app}: a scheduled job was paused"
    JOB_RESUMED = "job.resumed", "{app}: a scheduled job was resumed"
    MAINTENANCE_ON = "maintenance.on", "{app} was put into maintenance"
    MAINTENANCE_OFF = "maintenance.off", "{app} was taken out of maintenance"
    NOTIFY_ADDED = "notify.added", "a notification was added"
    NOTIFY_REMOVED = "notify.removed", "a notification was removed"
    NOTIFY_TEST = "notify.test", "this is a test"
    POSTHOG_CONNECTED = "posthog.connected", "PostHog was connected"
    POSTHOG_DISCONNECTED = "posthog.disconnected", "PostHog was disconnected"
    PREVIEW_OPENED = "preview.opened", "{app}: a preview was opened", False, True
    PREVIEW_CLOSED = "preview.closed", "{app}: its pull request was closed"
    PREVIEW_REOPENED = "preview.reopened", "{app}: its pull request was opened again"
    PREVIEW_KEPT = "preview.kept", "{app}: the preview is kept for a day"
    PREVIEW_ENDED = "preview.ended", "{app}: the preview is being removed", False, True
    REGISTRY_LOGIN = "registry.login", "a login to a registry was saved"
    REGISTRY_LOGOUT = "registry.logout", "a login to a registry was removed"
    RELEASE_UNSEEN = "release.unseen", "{app}", True, True
    RESTART_REQUESTED = "restart.requested", "a restart of {app} was requested"
    RESTART_SUCCEEDED = "restart.succeeded", "{app} was restarted"
    RESTART_FAILED = "restart.failed", "{app} was not restarted", True
    RESTART_CANCELED = "restart.canceled", "the restart of {app} was canceled"
    RESTART_NEEDS_ATTENTION = "restart.needs-attention", "the restart of {app} could not be undone", True
    ROLLBACK_REQUESTED = "rollback.requested", "{app} {version} was requested"
    ROLLBACK_LIVE = "rollback.live", "{app} {version} is live", False, True
    ROLLBACK_FAILED = "rollback.failed", "{app} {version} failed", True, True
    ROLLBACK_CANCELED = "rollback.canceled", "{app} {version} was canceled"
    ROLLBACK_SUPERSEDED = "rollback.superseded", "{app} {version} was superseded by a newer release"
    RUN_STARTED = "run.started", "{app}: a one-off command started"
    RUN_REVEALED = "run.revealed", "{app}: a one-off command wrote secrets"
    RUN_ENDED = "run.ended", "{app}: a one-off command ended"
    SCALE_REQUESTED = "scale.requested", "a new scale of {app} was requested"
    SCALE_SUCCEEDED = "scale.succeeded", "{app} was scaled"
    SCALE_FAILED = "scale.failed", "{app} was not scaled", True
    SCALE_CANCELED = "scale.canceled", "the scaling of {app} was canceled"
    SCALE_NEEDS_ATTENTION = "scale.needs-attention", "the scaling of {app} could not be undone", True
    SECRETS_RECIPIENT_ADDED = "secrets.recipient-added", "a recipient of secrets was added"
    SECRETS_RECIPIENT_REMOVED = "secrets.recipient-removed", "a recipient of secrets was removed"
    SECRETS_ROTATED = "secrets.rotated", "the key of secrets was rotated"
    SERVER_RUNTIME_CHOSEN = "server.runtime-chosen", "apps are being moved to another runtime"
    SERVER_RUNTIME_CANCELED = "server.runtime-canceled", "the move of apps to another runtime was canceled"
    SERVER_RUNTIME_MOVED = "server.runtime-moved", "apps were moved to another runtime"
    SERVER_ORPHANS = "server.orphans", "the server has containers without a record"
    SERVICE_CREATED = "service.created", "a service was created"
    SERVICE_LIVE = "service.live", "a service is live"
    SERVICE_RECOVERED = "service.recovered", "a service answers again"
    SERVICE_DOWN = "service.down", "a service is down", True, True
    SERVICE_RESTARTED = "service.restarted", "a service was restarted"
    SERVICE_COPIED = "service.copied", "a service got the data of another one"
    SERVICE_LINKED = "service.linked", "{app} was linked to a service"
    SERVICE_UNLINKED = "service.unlinked", "{app} was unlinked from a service"
    SERVICE_ROTATED = "service.rotated", "a service has a new password"
    SERVICE_ROTATION_FAILED = "service.rotation-failed", "the password of a service was not changed", True
    SERVICE_UPGRADED = "service.upgraded", "a service was upgraded"
    SERVICE_UPGRADE_FAILED = "service.upgrade-failed", "a service was not upgraded", True, True
    SERVICE_DATA_RESTORED = "service.data-restored", "a service got the data of a backup"
    SERVICE_RESTORE_FAILED = "service.restore-failed", "a service did not get the data of a backup", True, True
    SERVICE_DESTROYED = "service.destroyed", "a service was put into the trash"
    SERVICE_RESTORED = "service.restored", "a service was taken out of the trash"
    SERVICE_PURGED = "service.purged", "a service was deleted"
    SESSION_STARTED = "session.started", "a person signed in to the dashboard"
    SESSION_REVOKED = "session.revoked", "a session of the dashboard was ended"
    TOKEN_CREATED = "token.created", "a token was created"
    TOKEN_EXCHANGED = "token.exchanged", "a workflow signed in"
    TOKEN_REVOKED = "token.revoked", "a token was revoked"
    USER_INVITED = "user.invited", "a user was invited"
    USER_JOINED = "user.joined", "a user signed in for the first time"
    USER_PASSKEY_ADDED = "user.passkey-added", "a user added a passkey"
    USER_PASSKEY_REMOVED = "user.passkey-removed", "a user removed a passkey"
    USER_REMOVED = "user.removed", "a user was removed"
    USER_ROLE = "user.role", "the role of a user was changed"
    VOLUME_DESTROYED = "volume.destroyed", "{app}: a volume was put into the trash"
    VOLUME_MOVED = "volume.moved", "{app}: a volume was replaced by its copy on the other side"
    VOLUME_PURGED = "volume.purged", "{app}: a volume was deleted"
    VOLUME_RESTORED = "volume.restored", "{app}: a volume was restored"

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.of_record, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def of_record(cls, name: str) -> "Action":
        """Return the action of a stored event, including names that only another version of pvdify knows."""
        try:
            return cls(name)
        except ValueError:
            unknown = str.__new__(cls, name)
            unknown._name_, unknown._value_ = name, name
            unknown.headline, unknown.is_bad, unknown.is_usual = _UNKNOWN, False, False
            return unknown

    @property
    def group(self) -> str:
        """The part of the name before the dot, such as ``deploy``."""
        return self.value.partition(".")[0]


GROUPS = tuple(dict.fromkeys(action.group for action in Action))
USUAL = tuple(action.value for action in Action if action.is_usual)


def problem_with_pattern(pattern: str) -> str:
    """Return why ``deploy.live``, ``deploy.*`` or ``*`` matches no event, with the nearest name; "" if it matches."""
    if pattern == "*" or pattern in tuple(Action) or (pattern.endswith(".*") and pattern[:-2] in GROUPS):
        return ""
    return _suggestion(pattern, (*Action, *(f"{group}.*" for group in GROUPS)))


def problem_with_kind(kind: str) -> str:
    """Return why ``deploy`` or ``deploy.live`` is no kind of event, with the nearest name; "" if it is one."""
    if kind in tuple(Action) or kind in GROUPS:
        return ""
    return _suggestion(kind, (*Action, *GROUPS))


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f'did you mean "{near}"?' if near else f"there are events of {', '.join(sorted(GROUPS))}"
