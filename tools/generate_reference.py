#!/usr/bin/env python3
"""Write the reference pages that come from the code: settings, errors, API, manifest; ``--check`` fails when stale."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel

from pvdify import errors, settings
from pvdify.api.routes import ENDPOINTS, PREFIX
from pvdify.manifest.definition import Manifest
from pvdify.manifest.example import example, shown
from pvdify.manifest.schema import schema_text
from pvdify.model.action import Action
from pvdify.web.problems import STATUS_BY_KIND, status_of

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
WRITTEN = "This page is written by `make docs` from the code: change the code, not the page.\n"


def main() -> int:
    stale = []
    for name, lines in PAGES.items():
        file, text = FOLDER / name, "\n".join(lines()) + "\n"
        if sys.argv[1:] != ["--check"]:
            file.write_text(text, "utf-8")
        elif not file.is_file() or file.read_text("utf-8") != text:
            stale.append(name)
    if stale:
        print(f"{', '.join(stale)}: stale; run `make docs` and commit", file=sys.stderr)
    return 1 if stale else 0


def settings_page() -> Iterator[str]:
    yield "# Settings of pvdifyd\n"
    yield WRITTEN
    yield _paragraph(
        "A setting is the first of: flag, environment, file (`/etc/pvdify/pvdifyd.toml`, or `--settings "
        "FILE`), default. A value that cannot be understood is an error at the start, with all problems at "
        "once."
    )
    yield "| setting | flag | environment | default | what it is |\n|---|---|---|---|---|"
    for name in settings.names():
        default, text = settings.describe(name)
        flag = "--" + name.replace("_", "-")
        variable = "" if name in settings.NOT_FROM_ENVIRONMENT else f"`{settings.variable_of(name)}`"
        yield f"| `{name}` | `{flag}` | {variable} | {f'`{default}`' if default else ''} | {text} |"


def errors_page() -> Iterator[str]:
    yield "# Errors\n"
    yield WRITTEN
    yield _paragraph(
        "Every error says what happened, why, and what to do next. Its code never changes its meaning. Over "
        "the API it is `application/problem+json` with `code`, `detail` (what), `why`, `next` and "
        "`request_id`; on the command line it ends with an [exit code](exit-codes.md)."
    )
    yield "| code | kind | HTTP | means |\n|---|---|---|---|"
    for kind in errors.all_errors():
        status = status_of(kind("")) if kind.kind in STATUS_BY_KIND else 500
        yield f"| `{kind.code}` | {kind.kind.value} | {status} | {_first_line(kind)} |"


def events_page() -> Iterator[str]:
    yield "# Events\n"
    yield WRITTEN
    yield _paragraph(
        "`pvdify events --kind` takes a name from this table, or the first word of some. `pvdify notify:add --event` "
        "takes a name, the first word with a star (`deploy.*`), or `*`; without `--event`, the usual ones."
    )
    yield "| event | usual | needs a look | headline |\n|---|---|---|---|"
    for action in Action:
        headline = action.headline.format(app="APP", action=action, version="VERSION")
        yield f"| `{action}` | {'yes' if action.is_usual else ''} | {'yes' if action.is_bad else ''} | {headline} |"


def api_page() -> Iterator[str]:
    yield "# REST API\n"
    yield WRITTEN
    yield _paragraph(
        f"Under `{PREFIX}`, JSON, `Authorization: Bearer TOKEN`. `{PREFIX}/openapi.json` describes every type. "
        "Every answer has an `X-Request-Id`, and the server's version as `X-Pvdify-Version`; errors have "
        "[one shape](errors.md). On the server itself root "
        "needs no token on the unix socket. A request that makes a release may carry an `Idempotency-Key`: "
        "the same request again within 24 h gets the same release. Lists are objects with one key."
    )
    yield "| method | path | role | answers | does |\n|---|---|---|---|---|"
    for it in ENDPOINTS:
        path = it.path.replace(":int", "") + (f"?{'&'.join(it.query)}" if it.query else "")
        yield (
            f"| {it.method} | `{path}` | {it.needs.value if it.needs else 'none'} | {it.status} "
            f"| {_first_line(it.handler)} |"
        )


def manifest_page() -> Iterator[str]:
    yield "# Manifest: pvdify.yml\n"
    yield WRITTEN
    yield _paragraph(
        "Every key is optional. Unknown keys are errors; keys that begin with `x-` are yours. Durations are "
        "written `30s`, `1m30s`, `24h`; sizes `512M`, `1.5G`. A deploy without a manifest keeps the live "
        "release's; a rollback restores the one of the release it repeats."
    )
    yield _paragraph(
        "`pvdify manifest:check` checks a manifest without a server, with the words that the server would use. Editors "
        "complete and check it with the [JSON Schema](pvdify.schema.json), which `pvdify init --schema FILE` writes "
        "beside a new manifest; `pvdify manifest:schema` prints it."
    )
    yield "| key | default | what it is |\n|---|---|---|"
    yield from _keys(Manifest(), "")
    yield "\n## What `pvdify init` writes\n\n```yaml"
    yield example("myapp") + "```"


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _keys(whole: BaseModel, prefix: str) -> Iterator[str]:
    for name, field in type(whole).model_fields.items():
        value, key = getattr(whole, name), f"{prefix}{name}"
        if isinstance(value, BaseModel):
            yield from _keys(value, f"{key}.")
            continue
        default = "" if name == "processes" else shown(field, value)
        yield f"| `{key}` | {f'`{default}`' if default else ''} | {field.description} |"
        if name == "processes":
            yield from _keys(value["web"], f"{key}.NAME.")


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0].replace("|", "\\|")


def schema_page() -> Iterator[str]:
    yield schema_text().rstrip()


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "settings.md": settings_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "api.md": api_page,
    "manifest.md": manifest_page,
    "pvdify.schema.json": schema_page,
}

if __name__ == "__main__":
    sys.exit(main())
