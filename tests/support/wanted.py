"""Requests as tests write them: an image as text and a manifest as a dict, parsed as the API parses them."""

from typing import Any

from pvdify.engine.deploys.acceptance import DeployRequest
from pvdify.engine.previews.previews import PreviewRequest
from pvdify.manifest.reading import parse_manifest
from pvdify.model.image_reference import parse_deployable
from pvdify.model.release import Source


def deploy_request(
    image: str | None = None, manifest: str | dict[str, Any] | None = None, **others: Any
) -> DeployRequest:  # fmt: skip
    """A deploy. Raises InvalidError."""
    return DeployRequest(
        image=parse_deployable(image) if image is not None else None,
        manifest=parse_manifest(manifest) if manifest is not None else None,
        **others,
    )


def preview_request(
    image: str | None = None, manifest: str | dict[str, Any] | None = None, source: Source | None = None, **others: Any
) -> PreviewRequest:  # fmt: skip
    """A preview. Raises InvalidError."""
    return PreviewRequest(deploy=deploy_request(image, manifest, source=source or Source()), **others)
