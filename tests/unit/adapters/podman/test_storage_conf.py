"""Where podman stores images and containers, read from its configuration files."""

from pathlib import Path

import pytest

from pvdify.adapters.podman.storage_conf import CHOSEN, DEFAULT, container_storage


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHOSEN, raising=False)


def written(folder: Path, text: str) -> Path:
    folder.mkdir()
    file = folder / "storage.conf"
    file.write_text(text)
    return file


def test_the_first_file_that_exists_counts(tmp_path: Path) -> None:
    ours = written(tmp_path / "etc", '[storage]\ndriver = "overlay"\ngraphroot = "/data/containers"\n')
    vendor = written(tmp_path / "usr", '[storage]\ngraphroot = "/elsewhere"\n')

    assert container_storage((ours, vendor)) == Path("/data/containers")
    assert container_storage((tmp_path / "missing", vendor)) == Path("/elsewhere")
    assert container_storage((tmp_path / "missing",)) == DEFAULT


def test_the_file_that_the_environment_names_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = written(tmp_path / "etc", '[storage]\ngraphroot = "/data/containers"\n')
    monkeypatch.setenv(CHOSEN, str(written(tmp_path / "own", '[storage]\ngraphroot = "/own"\n')))

    assert container_storage((ours,)) == Path("/own")


@pytest.mark.parametrize(
    "text", ["", "[storage]\n", "storage = 3\n", "[storage]\ngraphroot = 3\n", '[storage]\ngraphroot = ""\n', "[["]
)
def test_a_file_without_a_graphroot_means_the_default(tmp_path: Path, text: str) -> None:
    ours = written(tmp_path / "etc", text)
    vendor = written(tmp_path / "usr", '[storage]\ngraphroot = "/elsewhere"\n')

    assert container_storage((ours, vendor)) == DEFAULT
