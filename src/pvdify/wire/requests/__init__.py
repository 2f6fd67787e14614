"""Types of request bodies, one module per subject; this package exports all of them."""

from typing import TYPE_CHECKING

from pvdify.wire.on_demand import on_demand

if TYPE_CHECKING:
    from pvdify.wire.requests.access import CreateToken, InviteUser, LogInToRegistry, SetUserRole
    from pvdify.wire.requests.apps import AddDomain, ChangeApp, CreateApp, PauseApp, RenameApp
    from pvdify.wire.requests.backups import RestoreBackup, ScheduleBackups, SetBackupTarget, VerifyBackup
    from pvdify.wire.requests.config import AddRecipient, CopyConfig, ImportConfig, RevealConfig, RollBackConfig
    from pvdify.wire.requests.connections import AddNotification, ChooseRuntime, ConnectEdge, ConnectPosthog
    from pvdify.wire.requests.previews import ExchangeIdentity, LinkRepository, PutPreview
    from pvdify.wire.requests.processes import ExecCommand, OpenTunnel, RestartProcesses, RunCommand, Terminal
    from pvdify.wire.requests.releases import Deploy, Rollback, Strategy
    from pvdify.wire.requests.services import ConnectService, CreateService, LinkService, UpgradeService

__getattr__ = on_demand(
    __name__,
    {
        "access": "CreateToken InviteUser LogInToRegistry SetUserRole",
        "apps": "AddDomain ChangeApp CreateApp PauseApp RenameApp",
        "backups": "RestoreBackup ScheduleBackups SetBackupTarget VerifyBackup",
        "config": "AddRecipient CopyConfig ImportConfig RevealConfig RollBackConfig",
        "connections": "AddNotification ChooseRuntime ConnectEdge ConnectPosthog",
        "previews": "ExchangeIdentity LinkRepository PutPreview",
        "processes": "ExecCommand OpenTunnel RestartProcesses RunCommand Terminal",
        "releases": "Deploy Rollback Strategy",
        "services": "ConnectService CreateService LinkService UpgradeService",
    },
)

__all__ = [
    "AddDomain",
    "AddNotification",
    "AddRecipient",
    "ChangeApp",
    "ChooseRuntime",
    "ConnectEdge",
    "ConnectPosthog",
    "ConnectService",
    "CopyConfig",
    "CreateApp",
    "CreateService",
    "CreateToken",
    "Deploy",
    "ExchangeIdentity",
    "ExecCommand",
    "ImportConfig",
    "InviteUser",
    "LinkRepository",
    "LinkService",
    "LogInToRegistry",
    "OpenTunnel",
    "PauseApp",
    "PutPreview",
    "RenameApp",
    "RestartProcesses",
    "RestoreBackup",
    "RevealConfig",
    "RollBackConfig",
    "Rollback",
    "RunCommand",
    "ScheduleBackups",
    "SetBackupTarget",
    "SetUserRole",
    "Strategy",
    "Terminal",
    "UpgradeService",
    "VerifyBackup",
]
