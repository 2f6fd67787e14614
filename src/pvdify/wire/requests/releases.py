"""Request types about releases."""

from dataclasses import dataclass
from typing import Any, Literal

Strategy = Literal["blue-green", "stop-first"]


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """POST /apps/{app}/releases.

    ``image``: a reference; without it the live image is deployed again with the newest config. ``manifest``: the text
    of a pvdify.yml, or its content as an object; without it the live release's manifest is used. ``commit``, ``branch``
    and ``run_number`` describe the origin of the image. ``strategy``: start beside the live release (default), or after
    it has stopped, which needs less memory but refuses requests meanwhile.
    """

    image: str | None = None
    manifest: str | dict[str, Any] | None = None
    commit: str | None = None
    branch: str | None = None
    run_number: int | None = None
    allow_older: bool = False
    strategy: Strategy | None = None


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """POST /apps/{app}/rollback.

    ``version``: the release to repeat; default: the one that was live before. ``strategy``: as for a deploy.
    """

    version: int | None = None
    strategy: Strategy | None = None
