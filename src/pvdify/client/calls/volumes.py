"""Requests about volumes."""

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.session import Question
from pvdify.wire.answers import Volume

_LOST = "the volume may or may not have been changed"


class VolumeCalls(Asking):
    """Requests about an app's volumes, which are kept between releases."""

    def volumes(self, app: str) -> list[Volume]:
        """List all volumes of the app, including those in the trash."""
        return self._list(Volume, "volumes", Question(path=app_path(app, "volumes")))

    def destroy_volume(self, app: str, name: str, *, purges: bool) -> None:
        """Move a volume to the trash, or delete it. Raises VolumeNotFound, VolumeInUse."""
        path, query = app_path(app, "volumes", name), {"purge": "1"} if purges else {}
        self._session.ask(Question(method="DELETE", path=path, query=query, lost=_LOST, check=_check(app)))

    def restore_volume(self, app: str, name: str) -> None:
        """Restore a volume from the trash. Raises VolumeNotFound, VolumeExists."""
        path = app_path(app, "volumes", name, "restore")
        self._session.ask(Question(method="POST", path=path, lost=_LOST, check=_check(app)))


def _check(app: str) -> str:
    return f"`pvdify volumes {app}` shows it"
