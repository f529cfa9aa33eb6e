"""jobpack.toml: its keys, and that others are refused by name (M115)."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobpack.config import ConfigError, read_config

ALL = """
worker = "bin/wc"
input = ["http://a/1", ["http://a/2", "http://b/2"]]
map = true
reduce = true
partitions = 4
owner = "ann"
prefix = "count"
files = ["lib", "words.txt"]
data_file = "data.bin"
output = "out/wc.pack"

[env]
LANG = "C"

[scheduler]
max_cores = 8
force_local = true
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "jobpack.toml"
    path.write_text(text)
    return path


def test_all_keys(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"\0\1")
    found = read_config(write(tmp_path, ALL))
    assert (found.worker, found.output) == (tmp_path / "bin/wc", tmp_path / "out/wc.pack")
    assert found.options == {
        "inputs": ["http://a/1", ["http://a/2", "http://b/2"]],
        "map": True,
        "reduce": True,
        "partitions": 4,
        "owner": "ann",
        "prefix": "count",
        "files": {"lib": tmp_path / "lib", "words.txt": tmp_path / "words.txt"},
        "data": b"\0\1",
        "envs": {"LANG": "C"},
        "scheduler": {"max_cores": 8, "force_local": True},
    }


def test_files_may_be_named_and_data_be_text(tmp_path: Path) -> None:
    found = read_config(write(tmp_path, 'data = "ü"\n[files]\n"conf/x.json" = "../shared.json"'))
    files = {"conf/x.json": tmp_path / "../shared.json"}
    assert found.options == {"data": "ü".encode(), "files": files}


def test_empty_file_says_nothing(tmp_path: Path) -> None:
    found = read_config(write(tmp_path, ""))
    assert (found.worker, found.output, found.options) == (None, None, {})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("partition = 4", "unknown key 'partition'; did you mean 'partitions'?"),
        ("zzz = 1", "unknown key 'zzz'; known are worker, output"),
        ("[scheduler]\nmax_core = 1", "unknown key 'scheduler.max_core'; did you mean 'max_cores'?"),
        ("worker = 1", "worker must be a text"),
        ("map = 1", "map must be true or false"),
        ("partitions = true", "partitions must be a whole number"),
        ("partitions = '4'", "partitions must be a whole number"),
        ("input = 'a'", "input must be a list of URLs"),
        ("input = [['a', 1]]", "input must be a list of URLs"),
        ("files = [1]", "files must be a list of paths"),
        ("[env]\nA = 1", "env must be a table of NAME = text"),
        ("scheduler = 1", "scheduler must be a table"),
        ("files = ['a/x', 'b/x']", "would both be 'x'"),
        ("data = 'a'\ndata_file = 'b'", "exclude each other"),
        ("worker = ", "is no TOML"),
    ],
)
def test_faults_are_named(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(write(tmp_path, text))
    assert why in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "jobpack.toml")) or "would both be" in why


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "jobpack.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is no TOML"):
        read_config(tmp_path / "jobpack.toml")
