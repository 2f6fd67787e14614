"""Files that real sops wrote: pvdify opens what sops opens, to the same values, and refuses what sops refuses."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pvdify.adapters.sops.age_keys import Identity, parse_identities
from pvdify.adapters.sops.document import Opened, open_text, open_with
from pvdify.adapters.sops.refusal import NotARecipient, SopsRefused

SHARED = Path(os.environ.get("PVDIFY_SHARED", Path(__file__).parents[5] / "shared"))
VECTORS = SHARED / "vectors" / "sops"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no SOPS test files in {VECTORS}; set PVDIFY_SHARED")
NOT_SUPPORTED = {"shamir.yaml": "key groups"}
AGE_KEYS = {"age-pq.yaml": "age-pq.txt", "global.yaml": "age-global.txt"}


def cases(folder: str) -> list[dict[str, Any]]:
    manifest = VECTORS / folder / "manifest.json"
    if not manifest.exists():
        return []
    content = json.loads(manifest.read_text())
    found: list[dict[str, Any]] = content["cases"] if isinstance(content, dict) else content
    return found


def made_keys(names: list[str]) -> list[Identity]:
    files = [VECTORS / "made" / "keys" / (name if "ssh" in name else f"{name}.txt") for name in names]
    return [identity for file in files for identity in parse_identities(file.read_text())]


def says(opened: Opened, case: dict[str, Any]) -> None:
    """Return whether the opened file has the values that the manifest of vectors names."""
    if "plain" in case:
        assert list(opened.documents) == [case["plain"]]
    elif "plain_b64" in case:
        assert as_bytes(opened.documents[0]["data"]) == base64.b64decode(case["plain_b64"])
    elif case["format"] == "binary":
        assert as_bytes(opened.documents[0]["data"]) == case["plain_text"].encode()
    else:
        assert opened.documents == ({"a": 1, "b": "two"}, {"c": 3}, {"d": ["x", "y"]})  # several documents


def as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.mark.parametrize("case", [pytest.param(case, id=case["file"]) for case in cases("made")])
def test_file_made_by_sops_opens_or_is_refused_as_by_sops(case: dict[str, Any]) -> None:
    text = (VECTORS / "made" / case["file"]).read_text()

    if case.get("must_fail") or case["file"] in NOT_SUPPORTED:
        with pytest.raises(SopsRefused) as refused:
            open_text(text, case["format"], made_keys(case["keys"]))
        assert NOT_SUPPORTED.get(case["file"], "") in str(refused.value)
        assert isinstance(refused.value, NotARecipient) == ("wrongkey" in case["file"])
    else:
        for key in case["keys"]:
            says(open_text(text, case["format"], made_keys([key])), case)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["file"]) for case in cases("public")])
def test_file_of_a_public_project_opens_or_is_refused_as_by_sops(case: dict[str, Any]) -> None:
    file = VECTORS / "public" / case["file"]
    data_key = bytes.fromhex(case["data_key_hex"] or "")

    def opened() -> Opened:
        if data_key:
            return open_with(file.read_text(), case["format"], lambda _: data_key)
        keys = parse_identities((file.parent / AGE_KEYS.get(file.name, "age.txt")).read_text())
        return open_text(file.read_text(), case["format"], keys)

    if case.get("must_fail"):
        with pytest.raises(SopsRefused):
            opened()
    elif file.name == "age-pq.yaml":
        with pytest.raises(ValueError, match="no age key"):  # a kind of key that age libraries do not know yet
            opened()
    else:
        says(opened(), case)
