"""What real shells, encoders and languages make of a secret, and that each form of theirs is hidden."""

import os
import shutil
import subprocess

import pytest

from pvdify.model.redaction import Redactor

SECRETS = (
    "plain-Secret_42",
    "two words",
    'it\'s a "$tricky" `one` \\ back!',
    "pa$$w0rd&<tag>|;(x){y}[z]*?#~^%,",
    "tab\there and\nanother line",
    "ünïcödé-geheim-✓",
    "https://user:p%40ss/word+x@host/a?b=c&d=é",
    "x" * 90,
)
SCRIPTS = {
    "bash -x": ("bash", "-xc", ': "$S"'),
    "bash -x with an assignment": ("bash", "-xc", 'A="token=$S"; export B="$A"'),
    "bash -x without a locale": ("env", "LC_ALL=C", "bash", "-xc", ': "$S"'),
    "bash printf %q": ("bash", "-c", 'printf "%q\\n" "$S"'),
    "bash @Q": ("bash", "-c", 'printf "%s\\n" "${S@Q}"'),
    "bash declare": ("bash", "-c", "declare -p S"),
    "dash -x": ("dash", "-xc", ': "$S"'),
    "dash export": ("dash", "-c", "export -p"),
    "busybox ash -x": ("busybox", "sh", "-xc", ': "$S"'),
    "busybox base64": ("busybox", "sh", "-c", 'printf "%s" "$S" | busybox base64'),
    "env": ("env",),
    "base64": ("bash", "-c", 'printf "%s" "$S" | base64'),
    "basic auth": ("bash", "-c", 'printf "user:%s" "$S" | base64 -w0'),
    "jq": ("jq", "-n", "--arg", "s", "{S}", "{s: $s}"),
    "jq @uri @sh": ("jq", "-rn", "--arg", "s", "{S}", "$s | @uri, @sh, @base64, @json"),
    "node": ("node", "-e", "const s=process.env.S;console.log(JSON.stringify({s}),encodeURIComponent(s),encodeURI(s))"),
    "node URLSearchParams": ("node", "-e", "console.log(new URLSearchParams({s:process.env.S}).toString())"),
    "python repr": ("python3", "-c", "import os;print(repr(os.environ['S']))"),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_secret_written_by_a_real_program_is_hidden(name: str, secret: str) -> None:
    program, *arguments = SCRIPTS[name]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    environment = {"PATH": os.environ["PATH"], "S": secret, "LC_ALL": "C.UTF-8"}
    argv = [program, *(argument.replace("{S}", secret) for argument in arguments)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    output = done.stdout + done.stderr
    redactor = Redactor([secret])

    cleaned = "\n".join(redactor.clean(line) for line in output.splitlines())

    assert "***" in cleaned
    assert not [piece for piece in _pieces(output, secret) if piece in cleaned], cleaned


def _pieces(output: str, secret: str) -> set[str]:
    """Runs of six and more characters that a reader of the output would learn of the secret."""
    run = 6
    texts = {secret[at : at + run] for at in range(len(secret) - run + 1)}
    return {piece for piece in texts if piece in output and piece.strip() == piece}
