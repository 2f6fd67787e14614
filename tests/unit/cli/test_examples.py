"""Every example in help, in the README and in docs is accepted by the command line."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pvdify.adapters.sops.age_keys import parse_recipient
from tests.unit.cli.conftest import Pvdify

CHECKOUT = Path(__file__).parents[3]
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
PROMPTS = ("$ ", "# ")  # "# " is root's on the server
ENDS = {"|", "||", "&&", ";", "<", ">", ">>", "2>", "(", ")", "&"}


def commands_in(text: str, *, is_console: bool) -> Iterator[tuple[str, ...]]:
    """Return the words after ``pvdify`` of each command; in a console, only lines with a prompt are commands."""
    for line in text.replace("\\\n", " ").splitlines():
        typed = line.strip()
        if is_console and not typed.startswith(PROMPTS):
            continue
        typed = typed[2:] if typed.startswith("$ ") or is_console else typed
        lexer = shlex.shlex(typed, posix=True, punctuation_chars="|&;<>()")
        lexer.whitespace_split = True
        try:
            yield from _of_pvdify(list(lexer))
        except ValueError:
            continue  # an apostrophe: a sentence


def _of_pvdify(words: list[str]) -> Iterator[tuple[str, ...]]:
    rest = [*words, ";"]
    while rest:
        end = next(index for index, word in enumerate(rest) if word in ENDS)
        command, rest = rest[:end], rest[end + 1 :]
        while command and (command[0] == "sudo" or re.match(r"[A-Z_]+=", command[0])):
            command = command[1:]
        if command and command[0] in ("pvdify", "/opt/pvdify/bin/pvdify"):
            yield tuple(command[1:])


def documented() -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for page in (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))):
        for language, text in BLOCK.findall(page.read_text()):
            if language in ("", "sh", "bash", "console"):
                name = str(page.relative_to(CHECKOUT))
                is_console = language == "console" or "\n$ " in f"\n{text}"
                examples = commands_in(text, is_console=is_console)
                # The reference's lines of usage, like `pvdify ps [OPTIONS] [APP]`, are no examples; nor are drawings.
                found += [(name, words) for words in examples if words and not {"[OPTIONS]", "──"} & set(words)]
    return found


DOCUMENTED = documented()
FILES = {
    "key.pem": "a private key",
    ".env": "A=b\n",
    "myapp.sops.yaml": "A: ENC[x]\nsops:\n    mac: ENC[x]\n",
}  # that they name


def test_the_pages_have_examples() -> None:
    assert len(DOCUMENTED) > 150
    assert {"README.md", "docs/reference/cli.md"} <= {page for page, _ in DOCUMENTED}


@pytest.mark.parametrize(("page", "words"), DOCUMENTED, ids=[f"{page}: {' '.join(it)}"[:90] for page, it in DOCUMENTED])
def test_an_example_is_understood(pvdify: Pvdify, page: str, words: tuple[str, ...]) -> None:
    pvdify.environ["PVDIFY_APP"] = "myapp"
    for name, content in FILES.items():
        (pvdify.folder / name).write_text(content)

    try:
        pvdify.parse(*words, stdin="value\n")
    except click.UsageError as error:
        pytest.fail(f"{page}: pvdify {' '.join(words)}: {error.format_message()}")


def test_example_keys_are_accepted() -> None:
    keys = [word for _, words in DOCUMENTED if words[0] == "secrets:add" for word in words[2:] if "..." not in word]

    assert keys
    assert all(parse_recipient(key) is not None for key in keys)
