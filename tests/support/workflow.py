"""Runs the steps of a GitHub workflow here, each in a shell with the environment that a runner sets.

`run:` steps are executed as they stand. `uses:` steps are GitHub's or others' programs: the caller of ``run`` does
their work. Expressions are what our examples need: names, strings, ``==``, ``!=``, ``&&``, ``||``,
``format``.
"""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_WHOLE = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Ran:
    """What a step left behind."""

    job: str
    command: str
    code: int
    output: str
    outputs: dict[str, str]


@dataclass
class Runner:
    """``github``: what GitHub says happened; ``use``: called with the name and inputs of each `uses:` step; ``shell``:
    what runs the script of a `run:` step.
    """

    folder: Path
    environ: Mapping[str, str]
    github: dict[str, Any]
    use: Callable[[str, dict[str, str]], None]
    more: dict[str, Any] = field(default_factory=dict)
    shell: tuple[str, ...] = ("bash", "-e")  # a runner's, where a step names none

    def run(self, workflow: Path) -> list[Ran]:
        """All jobs whose condition holds, in the order of the file; ends at the first step that fails."""
        document = yaml.safe_load(workflow.read_text())
        ran: list[Ran] = []
        contexts: dict[str, Any] = {"github": self.github, **self.more}
        contexts["env"] = self._filled(document.get("env", {}), contexts)
        for name, job in document["jobs"].items():
            if self._holds(job, contexts):
                contexts["steps"] = {}
                for step in job["steps"]:
                    ran += self._step(name, step, contexts)
                    if ran and ran[-1].code != 0:
                        return ran
        return ran

    def run_action(self, action: Path) -> list[Ran]:
        """The steps of a composite action, with the defaults of its inputs."""
        document = yaml.safe_load(action.read_text())
        inputs = {name: given.get("default", "") for name, given in document.get("inputs", {}).items()}
        github = {**self.github, "action_path": str(action.parent)}
        contexts: dict[str, Any] = {"github": github, "inputs": inputs, "env": {}, "steps": {}, **self.more}
        return [ran for step in document["runs"]["steps"] for ran in self._step("action", step, contexts)]

    def _step(self, job: str, step: dict[str, Any], contexts: dict[str, Any]) -> list[Ran]:
        if not self._holds(step, contexts):
            return []
        if "uses" in step:
            self.use(step["uses"].partition("@")[0], self._filled(step.get("with", {}), contexts))
            return []
        done = self._shell(job, str(fill(step["run"], contexts)), self._filled(step.get("env", {}), contexts), contexts)
        contexts["steps"][step.get("id", "")] = {"outputs": done.outputs}
        return [done]

    def _shell(self, job: str, command: str, environ: dict[str, str], contexts: dict[str, Any]) -> Ran:
        files = {name: self.folder / f".{name}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        files["GITHUB_OUTPUT"].write_text("")
        script = self.folder / ".step.sh"
        script.write_text(command)
        done = subprocess.run(
            (*self.shell, script),
            cwd=self.folder / "checkout", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**self.environ, **self._default_variables(), **{name: str(file) for name, file in files.items()},
                 **contexts["env"], **environ},
            text=True, timeout=120, check=False,
        )  # fmt: skip
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        return Ran(job=job, command=command, code=done.returncode, output=done.stdout, outputs=outputs)

    def _default_variables(self) -> dict[str, str]:
        """The variables that GitHub documents for every step, of those that say where it runs."""
        github = self.github
        event = self.folder / ".event.json"
        event.write_text(json.dumps(github["event"]))
        reference = github["ref"]
        is_pull = reference.startswith("refs/pull/")
        return {
            "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(event), "RUNNER_OS": "Linux",
            "GITHUB_EVENT_NAME": github["event_name"], "GITHUB_REPOSITORY": github["repository"],
            "GITHUB_SHA": github["sha"], "GITHUB_REF": reference, "GITHUB_RUN_NUMBER": str(github["run_number"]),
            "GITHUB_REF_NAME": reference.split("/", 2)[2], "GITHUB_REF_TYPE": "branch",
            "GITHUB_HEAD_REF": github["event"]["pull_request"]["head"]["ref"] if is_pull else "",
        }  # fmt: skip

    def _filled(self, values: dict[str, Any], contexts: dict[str, Any]) -> dict[str, str]:
        return {name: str(fill(str(value), contexts)) for name, value in values.items()}

    def _holds(self, part: dict[str, Any], contexts: dict[str, Any]) -> bool:
        return "if" not in part or bool(evaluate(part["if"], contexts))


def fill(text: str, contexts: dict[str, Any]) -> str:
    """The text with the values of its ``${{ … }}``."""
    return _WHOLE.sub(lambda match: str(evaluate(match[1], contexts)), text)


def evaluate(expression: str, contexts: dict[str, Any]) -> Any:
    """The value of an expression, the looser operator first."""
    text = expression.strip()
    for operator in ("||", "&&"):
        first, found, rest = text.partition(f" {operator} ")
        if found:
            value = evaluate(first, contexts)
            return (value or evaluate(rest, contexts)) if operator == "||" else (value and evaluate(rest, contexts))
    match = re.fullmatch(r"(.+) (==|!=) (.+)", text)
    if match:
        is_same = evaluate(match[1], contexts) == evaluate(match[3], contexts)
        return is_same if match[2] == "==" else not is_same
    match = re.fullmatch(r"format\((.+), (.+)\)", text)
    if match:
        return evaluate(match[1], contexts).format(evaluate(match[2], contexts))
    if text.startswith("'"):
        return text.strip("'")
    value = contexts
    for name in text.split("."):
        value = value.get(name, "") if isinstance(value, dict) else ""
    return value
