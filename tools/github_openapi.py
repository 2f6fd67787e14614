"""Takes from GitHub's published OpenAPI description what the fakes of its API are checked against.

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    python tools/github_openapi.py package/generated/api.github.com.json

Only the operations that pvdify and its workflows use, with the schemas that they mention, and without examples and
descriptions.
"""

import json
import sys
from pathlib import Path
from typing import Any

OPERATIONS = (
    ("get", "/repos/{owner}/{repo}"),
    ("get", "/repos/{owner}/{repo}/pulls"),
    ("get", "/repos/{owner}/{repo}/pulls/{pull_number}"),
    ("get", "/repos/{owner}/{repo}/contents/{path}"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}"),
    ("get", "/repos/{owner}/{repo}/releases/latest"),
    ("post", "/repos/{owner}/{repo}/actions/variables"),
    ("get", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("patch", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
    ("get", "/repos/{owner}/{repo}/deployments"),
    ("post", "/repos/{owner}/{repo}/deployments"),
    ("post", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses"),
)
TARGET = Path(__file__).parents[1] / "tests" / "fakes" / "github_openapi.json"
DROPPED = {"description", "example", "examples", "summary", "externalDocs", "tags", "x-github"}


def main(source: str) -> None:
    whole = json.loads(Path(source).read_text(encoding="utf-8"))
    paths: dict[str, Any] = {}
    for method, path in OPERATIONS:
        found = whole["paths"][path][method]
        kept = {
            name: found[name] for name in ("operationId", "parameters", "requestBody", "responses") if name in found
        }
        kept["responses"] = {status: it if status.startswith("2") else {} for status, it in kept["responses"].items()}
        paths.setdefault(path, {})[method] = slim(kept)
    document = {"openapi": whole["openapi"], "info": {"version": whole["info"]["version"]}, "paths": paths}
    document["components"] = mentioned(document, whole)
    TARGET.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size // 1024} KiB of GitHub's API {whole['info']['version']}")


def slim(value: Any, *, is_properties: bool = False) -> Any:
    """The same without what only people read; a property may be called ``description`` all the same."""
    if isinstance(value, list):
        return [slim(it) for it in value]
    if not isinstance(value, dict):
        return value
    return {
        name: slim(it, is_properties=name == "properties" and not is_properties)
        for name, it in value.items()
        if is_properties or name not in DROPPED
    }


def mentioned(document: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Everything that is referred to, and what that refers to."""
    components: dict[str, dict[str, Any]] = {}
    waiting = references(document)
    while waiting:
        kind, name = waiting.pop()
        if name not in components.setdefault(kind, {}):
            components[kind][name] = slim(whole["components"][kind][name])
            waiting |= references(components[kind][name])
    return components


def references(value: Any) -> set[tuple[str, str]]:
    if isinstance(value, list):
        return {it for part in value for it in references(part)}
    if not isinstance(value, dict):
        return set()
    own = value.get("$ref")
    found = {tuple(own.split("/")[2:4])} if isinstance(own, str) else set()
    return found | {it for part in value.values() for it in references(part)}  # type: ignore[return-value]


if __name__ == "__main__":
    main(sys.argv[1])
