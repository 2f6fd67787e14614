"""Everything that reads foreign input, with inputs to try and the errors that it may raise."""

import atexit
import contextlib
import functools
import gzip
import inspect
import io
import json
import shutil
import tarfile
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.github.code_host import GithubCodeHost
from pvdify.adapters.github.rest import RestApi
from pvdify.adapters.openid.identities import _key_name
from pvdify.adapters.openid.keys import Keys
from pvdify.adapters.podman.images.images import image_in, sizes_in
from pvdify.adapters.podman.images.registry_api import understood
from pvdify.adapters.sops import age_keys
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.metadata import parse_metadata
from pvdify.adapters.sops.refusal import SopsRefused
from pvdify.adapters.sops.secrets import SopsSecrets
from pvdify.adapters.sops.vault import Vault
from pvdify.api.call import _parsed
from pvdify.api.handlers.config import _changes
from pvdify.errors import PvdifyError
from pvdify.installation import archive
from pvdify.manifest.names import canonical_hostname, check_app_name
from pvdify.manifest.reading import read_manifest
from pvdify.model.config import apply_changes
from pvdify.model.foreign_json import LARGEST
from pvdify.model.image_reference import parse_deployable
from pvdify.plumbing.web import WebAnswer, WebRequest
from pvdify.quantities import parse_duration
from tests.fakes.clock import FakeClock
from tests.fuzz.api import ROUTES, Site, bodies

Raised = tuple[type[Exception], ...]


@dataclass(frozen=True)
class Target:
    """One reader, called as the server calls it. ``may_raise``: anything else is a crash. ``holds_loop``: whether
    it runs in the server, whose loop it may hold; an archive is read by a program of its own."""

    name: str
    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    may_raise: Raised
    holds_loop: bool = True


SMALL = st.integers(0, 30)
MANY = st.sampled_from([10, 300, 5_000, 40_000])
NAMES = st.sampled_from(
    [
        "app",
        "port",
        "processes",
        "web",
        "worker",
        "command",
        "count",
        "resources",
        "memory",
        "cpu",
        "healthcheck",
        "path",
        "interval",
        "hooks",
        "pre_deploy",
        "timeout",
        "guard",
        "window",
        "max_error_rate",
        "drain",
        "domains",
        "previews",
        "config_from",
        "max",
        "x-a",
        "<<",
        "sops",
        "mac",
        "age",
        "enc",
        "encrypted_regex",
        "lastmodified",
        "keys",
        "kid",
        "kty",
        "n",
        "e",
        "pull_request",
        "number",
        "repository",
        "full_name",
        "state",
        "closed_at",
        "updated_at",
        "layers",
        "config",
        "size",
        "manifests",
        "platform",
        "digest",
    ]
)
WORDS = st.one_of(
    st.sampled_from(
        [
            "1",
            "0",
            "-1",
            "1e999",
            ".inf",
            ".nan",
            "true",
            "~",
            "512M",
            "30s",
            "5%",
            "9" * 400 + "T",
            "0x" + "f" * 500,
            "1:1:1",
            "2026-99-99",
            "2026-01-01T00:00:00Z",
            "!!binary aGk=",
            "!!set {a}",
            "!!timestamp x",
            "!!bool x",
            '!!int ""',
            "!!python/name:os.system",
            "&a",
            "*a",
            "&a [*a]",
            "|\n  x",
            "'",
            '"',
            "\\ud800",
            "\x00",
            "\x85",
            "a.example",
            "bücher.example",
            "xn--a",
        ]
    ),
    st.text(max_size=20),
    st.builds(
        lambda sign, count: sign * count,
        st.sampled_from(["9", "a", "1s", "-", ".", "xn--", "ß", "(", "a+", "1_"]),
        MANY,
    ),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    WORDS,
    st.sampled_from([400, 4_000]).map(lambda digits: -(10**digits)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
MAPPINGS = st.dictionaries(NAMES, VALUES, max_size=6)


def _bomb(width: int, levels: int) -> str:
    lines = ["x-0: &l0 [1]"] + [f"x-{it}: &l{it} [{', '.join([f'*l{it - 1}'] * width)}]" for it in range(1, levels + 1)]
    return "\n".join(lines)


def _repeated(opening: str, count: int, closing: str) -> str:
    return opening * count + closing * count


NESTED = st.builds(
    _repeated,
    st.sampled_from(["[", "{", "{a: ", '{"a":', "- ", "? ", "a: [", "!!seq [", "&a ["]),
    MANY,
    st.sampled_from(["", "]", "}"]),
)
YAML = st.one_of(
    st.lists(st.builds("{}{}: {}".format, st.sampled_from(["", "  ", "- ", "\t"]), NAMES, WORDS), max_size=40).map(
        "\n".join
    ),
    MAPPINGS.map(lambda it: json.dumps(it, default=str)),
    st.builds(_bomb, SMALL, SMALL),
    NESTED,
    st.builds(lambda count: "\n".join(f"k{it}: 1" for it in range(count)), MANY),
    st.builds(lambda count: "x-a: [" + "1," * count + "]", MANY),
    st.text(max_size=200),
)
JSON = st.one_of(
    VALUES.map(lambda it: json.dumps(it, default=str).encode()),
    NESTED.map(str.encode),
    st.builds(lambda count: b"[" + b"{}," * count + b"{}]", MANY),
    st.binary(max_size=200),
)
MUCH = st.builds(  # up to the largest body
    lambda piece, count: b"[" + piece * min(count, (LARGEST - 4) // len(piece)) + b"1]",
    st.sampled_from([b"[],", b"{},", b"1.5,", b"1,", b'"\\u00e9",', b'{"a":[{}]},', b"1e99,", b"\n"])
    | st.sampled_from([b"\\u00e9", b"\\\\", b"["]).map(lambda it: b'"' + it * 5_000 + b'",')
    | st.just(b"9" * 4_000 + b","),
    st.sampled_from([100, 9_000, 24_000, 49_000, 400_000]),
)


def _image(ports: int, volumes: int, labels: int) -> bytes:
    """Return podman's description of an image with this many of each."""
    config = {
        "ExposedPorts": {f"{port}-65535/tcp": {} for port in range(1, ports + 1)},
        "Volumes": {f"/{'a' * (number % 3 + 1)}{'.' * number}": {} for number in range(volumes)},
        "Labels": {f"label.{number}": "x" for number in range(labels)}, "Cmd": "run", "Entrypoint": ["a", 1],
    }  # fmt: skip
    return json.dumps([{"Id": "f00d", "Config": config}]).encode()


IMAGES = st.builds(_image, *[st.sampled_from((0, 1, 60, 4000)) for _ in range(3)])


def _key_set(number: str, count: int) -> bytes:
    keys = [{"kty": "RSA", "kid": str(it), "n": number, "e": "AQAB"} for it in range(count)]
    return json.dumps({"keys": keys}).encode()


def _config_change(name: str, count: int, value: str, times: int) -> dict[str, object]:
    """As much as the largest body can hold."""
    value = value * min(times, LARGEST // max(1, len(value)))
    count = min(count, max(1, LARGEST // (len(name) + len(value) + 9)))
    return {f"{name}{it}": {"value": value, "secret": True} for it in range(count)}


KEYS = st.builds(
    _key_set, st.sampled_from(["A" * 1_300, "z" * 1_366, "_" * 342, "", "=="]), st.sampled_from([1, 50, 300])
)
CHANGES = st.builds(
    _config_change,
    st.sampled_from(["K", "A_" * 60, "é", "PVDIFY_"]),
    st.sampled_from([1, 100, 2_000, 10_000, 60_000]),
    st.sampled_from(["a", "s3cr3t-", "\ud800", "\0", "é", "x\n"]),
    st.sampled_from([0, 1, 20, 9_000, 70_000]),
)
REQUESTS = st.tuples(
    st.sampled_from(ROUTES),
    st.sampled_from([0, 1, 10**9, 10**30]),
    st.text("abcz09-.", min_size=1, max_size=40),
    bodies(VALUES, MUCH) | CHANGES.map(lambda it: json.dumps(it).encode()[:LARGEST]),
)
SEALED = st.builds(
    lambda parts, count: "a: ENC[AES256_GCM," + parts * count + "]",
    st.sampled_from([",iv:x", "data:x,iv:x,tag:x,type:str", ",tag:,type:"]),
    MANY,
)
INI = st.builds(
    lambda line, count: f'a = """x\n{line * count}', st.sampled_from(["y\n", "b = 1\n", '"""\n', "[s]\n"]), MANY
)
REGEXES = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="(a|b)*+.?{1,9}[]^$\\", max_size=30),
    st.sampled_from(["^(a+)+$", "(a|a)*b", ".*.*.*.*x", "^(data|stringData)$"]),
)
HOSTNAMES = st.one_of(
    st.text(max_size=300),
    st.lists(WORDS | st.text(max_size=70), max_size=8).map(".".join),
    st.builds(lambda sign, count: sign * count + ".example", st.sampled_from(["a", "ß", "xn--", "\u0661", "a."]), MANY),
)
REFERENCES = st.one_of(
    st.text(max_size=100),
    st.builds(
        "{}/{}:{}@{}".format,
        HOSTNAMES,
        st.text(alphabet="a/_-.:", max_size=300),
        st.text(max_size=10),
        st.sampled_from(["", "sha256:" + "a" * 64, "sha256:" + "a" * 5_000]),
    ),
    st.builds(
        lambda sign, count: "ghcr.io/" + sign * count, st.sampled_from(["a-", "a__", "a.", "a/", "-", "a"]), MANY
    ),
)
TOKENS = st.one_of(JSON.map(lambda it: f"{_encoded(it)}.AA.AA"), st.text(max_size=100), MANY.map(lambda it: "a." * it))


def _encoded(content: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """Tar files with odd names, links and sizes, some of them cut, some of zeros that pack well."""
    packed = io.BytesIO()
    with tarfile.open(
        fileobj=packed, mode="w", format=draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
    ) as tar:
        for _ in range(draw(st.integers(0, 6))):
            member = tarfile.TarInfo(
                draw(st.sampled_from(["about.json", "pvdify.db", "../x", "/etc/x", "data/../../x", "d" * 300]))
            )
            member.type = draw(
                st.sampled_from([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, b"9"])
            )
            member.linkname = draw(st.sampled_from(["", "/etc/shadow", "about.json"]))
            content = draw(JSON) if member.type == tarfile.REGTYPE else b""
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    raw = packed.getvalue()[: draw(st.sampled_from([None, 100, 600, 1_000]))]
    return draw(st.sampled_from([gzip.compress(raw, 1), raw, gzip.compress(bytes(20_000_000), 1)]))


def _read_archive(content: bytes) -> object:
    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as file:
        file.write(content)
        file.flush()
        _, contents = archive.read(Path(file.name))
    places = [archive.path_in_data(name) for name in contents]
    assert all(path is None or not (path.is_absolute() or ".." in path.parts) for path in places)
    return places


def _judge_names(given: tuple[str, str]) -> object:
    regex, name = given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of expressions that a later Python may read otherwise
        return _judge_name(regex, name)


def _judge_name(regex: str, name: str) -> bool:
    metadata = parse_metadata({"mac": "x", "lastmodified": "x", "encrypted_regex": regex})
    return metadata.is_encrypted((name,))


async def _read_request(content: bytes) -> object:
    return await _parsed(content)


async def _read_config_file(text: str, kind: str) -> object:
    return await _secrets().open_file(text, kind)


@functools.cache
def _secrets() -> SopsSecrets:
    directory = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, directory)
    keys = KeyFiles(directory=directory, write_whole=write_whole)
    keys.write_identities((age_keys.make_identity(),))
    return SopsSecrets(directory, Vault((), keys, FakeClock()))


async def _read_webhook(content: bytes) -> object:
    code_host = GithubCodeHost(RestApi(url="https://api.github.com", web=_Answers(b""), token=None))
    return await code_host.news("pull_request", content)


async def _read_keys(content: bytes) -> object:
    return await Keys("https://issuer.example", _Answers(content), FakeClock()).get("a")


class _Answers:
    """A web on which everything is answered with these bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def ask(self, request: WebRequest) -> WebAnswer:
        return WebAnswer(status=200, content=self._content)


def _change_config(body: dict[str, object]) -> object:
    return apply_changes({}, _changes(body))


async def read(target: Target, value: object) -> None:
    """Read as the server does: on the loop, or in a thread beside it. Raises what the target may not raise."""
    with contextlib.suppress(*target.may_raise):
        result = target.read(value)
        if inspect.isawaitable(result):
            await result


SITE = Site()


async def _ask(request: tuple[Any, int, str, bytes]) -> object:
    return await SITE.ask(*request)


TARGETS = (
    Target("manifest", YAML, read_manifest, (PvdifyError,)),
    Target("manifest as JSON", MAPPINGS, read_manifest, (PvdifyError,)),
    Target("request's body", JSON | MUCH, _read_request, (ValueError,)),
    Target("request to the API", REQUESTS, _ask, ()),
    Target("config change", CHANGES, _change_config, (PvdifyError,)),
    *(
        Target(
            f"config file as {kind}",
            YAML | INI | SEALED | MUCH.map(bytes.decode),
            functools.partial(_read_config_file, kind=kind),
            (PvdifyError,),
        )
        for kind in ("yaml", "json", "dotenv", "ini")
    ),
    Target(
        "config file's expression",
        st.tuples(REGEXES, st.text(alphabet="ab", max_size=256)),
        _judge_names,
        (SopsRefused,),
    ),
    Target("hostname", HOSTNAMES, canonical_hostname, (ValueError,)),
    Target("app name", HOSTNAMES, check_app_name, (PvdifyError,)),
    Target("duration", WORDS, parse_duration, (ValueError,)),
    Target("image reference", REFERENCES, parse_deployable, (PvdifyError,)),
    Target("registry's manifest", JSON | MUCH, lambda text: sizes_in(text.decode(errors="replace")), ()),
    Target(
        "image's config",
        JSON | MUCH | IMAGES,
        lambda text: image_in("x", text.decode(errors="replace")),
        (PvdifyError,),
    ),
    Target("registry's answer", JSON | MUCH, lambda text: understood(WebAnswer(status=401, content=text)), ()),
    Target("webhook", JSON | MUCH, _read_webhook, (PvdifyError,)),
    Target("OpenID token", TOKENS, _key_name, (PvdifyError,)),
    Target("OpenID keys", JSON | MUCH | KEYS, _read_keys, (PvdifyError,)),
    Target("backup", archives(), _read_archive, (PvdifyError,), holds_loop=False),
)
