"""Parses and checks a client's deploy request: the app's name, the image, the manifest and the source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pvdify.errors import DeniedError, InvalidError
from pvdify.manifest.definition import COPY_OF, Manifest
from pvdify.manifest.reading import read_manifest
from pvdify.model.image_reference import ImageReference, parse_deployable
from pvdify.model.names import check_app_name, parent_of
from pvdify.model.operation import Strategy
from pvdify.model.release import Source
from pvdify.model.token import Actor

LONGEST_WORD = 255  # characters of a branch or commit
LARGEST_RUN = 10**15


@dataclass(frozen=True, kw_only=True)
class DeployRequest:
    """A deploy with a parsed image and manifest. Without an image, the image of the live release is deployed again."""

    image: ImageReference | None = None
    manifest: Manifest | None = None
    source: Source = field(default_factory=Source)
    strategy: Strategy = Strategy.BLUE_GREEN


async def read_deploy(
    app: str,
    *,
    image: str | None = None,
    manifest: str | dict[str, Any] | None = None,
    source: Source | None = None,
    strategy: Strategy = Strategy.BLUE_GREEN,
) -> DeployRequest:
    """Parse the image and the manifest of a deploy.

    Raises InvalidError with every problem of the name, the source, the image and the manifest. If there is only one
    problem, raises that problem's own error.
    """
    reader = _Reader()
    reader.check_name(app)
    reader.check_source(source or Source())
    parsed_image, parsed_manifest = reader.read_image(image), await reader.read_manifest(manifest)
    if len(reader.errors) == 1:
        raise reader.errors[0]
    if reader.errors:
        problems = reader.problems()
        raise InvalidError(
            f"the deploy of {app[:60]} has {len(problems)} problems",
            next="correct them; `pvdify manifest:check` checks a manifest without a server",
            details={"problems": problems},
        )
    return DeployRequest(image=parsed_image, manifest=parsed_manifest, source=source or Source(), strategy=strategy)


async def problems_in(app: str, body: Mapping[str, object]) -> list[str]:
    """Return the problems of the name, the image and the manifest, for a request body with other invalid fields.

    Skips fields of a wrong type, which the caller reports.
    """
    image, manifest = body.get("image"), body.get("manifest")
    commit, branch, run = body.get("commit"), body.get("branch"), body.get("run_number")
    reader = _Reader()
    reader.check_name(app)
    reader.check_source(
        Source(
            commit=commit if isinstance(commit, str) else None, branch=branch if isinstance(branch, str) else None,
            run_number=run if type(run) is int else None,
        )
    )  # fmt: skip
    reader.read_image(image if isinstance(image, str) else None)
    await reader.read_manifest(manifest if isinstance(manifest, str | dict) else None)
    return reader.problems()


class _Reader:
    """Parses the parts of a deploy and collects their errors."""

    def __init__(self) -> None:
        self.errors: list[InvalidError] = []

    def check_name(self, app: str) -> None:
        try:
            check_app_name(app)
        except InvalidError as error:
            self.errors.append(error)

    def check_source(self, source: Source) -> None:
        """Check commit, branch and run number, which CI sends: they are printed in lists, terminals and messages."""
        for name, word in (("commit", source.commit), ("branch", source.branch)):
            if word is not None and (not word or len(word) > LONGEST_WORD or not word.isprintable()):
                self.errors.append(InvalidError(
                    f"the {name} of this deploy is not one", why=f"expected 1 to {LONGEST_WORD} printable characters",
                    next=f"pass the {name} as git shows it, or leave it out",
                ))  # fmt: skip
        if source.run_number is not None and not 0 <= source.run_number <= LARGEST_RUN:
            self.errors.append(InvalidError(
                "the run number of this deploy is not one", why=f"expected a whole number from 0 to {LARGEST_RUN}",
                next="pass GITHUB_RUN_NUMBER, or leave it out",
            ))  # fmt: skip

    def read_image(self, image: str | None) -> ImageReference | None:
        try:
            return parse_deployable(image) if image is not None else None
        except InvalidError as error:
            self.errors.append(error)
            return None

    async def read_manifest(self, manifest: str | dict[str, Any] | None) -> Manifest | None:
        try:
            return await read_manifest(manifest)
        except InvalidError as error:
            self.errors.append(error)
            return None

    def problems(self) -> list[str]:
        return [line for error in self.errors for line in _lines(error)]


def _lines(error: InvalidError) -> list[str]:
    problems = error.details.get("problems")
    if isinstance(problems, list) and problems:
        return [f"manifest: {problem}" for problem in problems]
    return [f"{error.what}: {error.why}" if error.why else error.what]


def check_config_source(app: str, manifest: Manifest, known: Manifest | None, actor: Actor) -> None:
    """Raise DeniedError if ``previews.config_from`` names another tenant's app, which gives its secrets to previews.

    An app that the earlier manifest ``known`` names is accepted.
    """
    _check_copied_services(app, manifest, known, actor)
    source = manifest.previews.config_from
    if actor.app is None or source is None or (known is not None and known.previews.config_from == source):
        return
    preview = parent_of(app)
    family = (preview[0] if preview else app).removesuffix("-staging")
    if source not in (family, f"{family}-staging"):
        raise DeniedError(
            f"previews of {family} may not get the config of {source}",
            why=f"this token is for {actor.app} alone",
            next=f"name {family}-staging in `previews.config_from`, or deploy with a token for all apps",
        )


def _check_copied_services(app: str, manifest: Manifest, known: Manifest | None, actor: Actor) -> None:
    """Raise DeniedError if a token for one app adds copies of services that the manifest ``known`` did not have."""
    if actor.app is None:
        return
    before = known.previews.services if known is not None else {}
    for name, how in manifest.previews.services.items():
        if how.startswith(COPY_OF) and before.get(name) != how:
            raise DeniedError(
                f"previews of {app} may not get a {how}",
                why=f"this token is for {actor.app} alone, and a copy has the data of another app",
                next=f"use `{name}: fresh`, or deploy with a token for all apps",
            )
