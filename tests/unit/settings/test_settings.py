"""Settings: the order of sources, the forms of values, and what errors say (M48-M94, C9, C15-C18)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from disco.settings import MAX_PORT, TABLE, DiscoSettings, SettingsError, memory_limit_bytes, read_size


def settings(
    text: str = "", tmp_path: Path | None = None, environ: dict[str, str] | None = None, **given: object
):
    if tmp_path is None:
        return DiscoSettings(environ=environ or {}, **given)
    file = tmp_path / "settings.py"
    file.write_text(text)
    return DiscoSettings(file, environ=environ or {}, **given)


def test_the_program_beats_the_environment_beats_the_file_beats_the_default_m48(tmp_path):
    text = "DISCO_PORT = 1001\nDDFS_PUT_PORT = 1002\nDISCO_TEST_PORT = 1003\n"
    found = settings(text, tmp_path, {"DISCO_PORT": "2001", "DDFS_PUT_PORT": "2002"}, DISCO_PORT=3001)
    assert [found[name] for name in ("DISCO_PORT", "DDFS_PUT_PORT", "DISCO_TEST_PORT")] == [3001, 2002, 1003]
    assert found["DISCO_PROXY_PORT"] == 8999
    assert found.source("DISCO_PORT") == "the program"
    assert found.source("DDFS_PUT_PORT") == "the environment"
    assert found.source("DISCO_TEST_PORT") == str(tmp_path / "settings.py")
    assert found.source("DISCO_PROXY_PORT") == "the default"


def test_the_file_is_the_named_one_else_the_users_m48(tmp_path):
    (tmp_path / ".disco").write_text("DISCO_PORT = 1\n")
    other = tmp_path / "other.py"
    other.write_text("DISCO_PORT = 2\n")
    home = {"HOME": str(tmp_path)}
    assert DiscoSettings(environ=home).port == 1
    assert DiscoSettings(environ={**home, "DISCO_SETTINGS_FILE": str(other)}).port == 2
    assert DiscoSettings(other, environ=home).port == 2


def test_a_folder_called_dot_disco_is_no_settings_file(tmp_path):
    (tmp_path / ".disco").mkdir()
    assert DiscoSettings(environ={"HOME": str(tmp_path)}).port == 8989


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(SettingsError, match=r"absent\.py is not there; check --settings"):
        DiscoSettings(tmp_path / "absent.py", environ={})


def test_the_file_is_python_and_may_compute(tmp_path):
    text = "import os\nbase = '/srv'\nDISCO_DATA = os.path.join(base, 'data')\n"
    assert settings(text, tmp_path)["DISCO_DATA"] == "/srv/data"


def test_a_file_that_fails_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"settings\.py can't be run \(ZeroDivisionError"):
        settings("DISCO_PORT = 1 // 0", tmp_path)


def test_an_unknown_name_in_a_file_is_an_error_with_the_nearest_name(tmp_path):
    with pytest.raises(
        SettingsError, match=r"no setting DISCO_PORRT \(from .*settings\.py\): did you mean DISCO_PORT"
    ):
        settings("DISCO_PORRT = 1", tmp_path)


def test_the_settings_file_can_not_name_itself(tmp_path):
    with pytest.raises(SettingsError, match="DISCO_SETTINGS_FILE names the settings file"):
        settings("DISCO_SETTINGS_FILE = 'x'", tmp_path)


def test_every_setting_is_obeyed_or_says_why_not():
    """M580, M48-M94: it is read somewhere, or `obsolete` tells that it is ignored."""
    here = Path(sys.modules["disco.settings"].__file__ or "")
    root = here.parents[2]
    sources = [path for room in ("python-sdk", "master") for path in (root / room).rglob("*.py")]
    text = "\n".join(path.read_text() for path in sources if path != here and path.name != "setting_texts.py")
    own = here.read_text().split("TABLE: dict", 1)
    silent = [
        name
        for name, setting in TABLE.items()
        if not setting.obsolete
        and f'"{name}"' not in text
        and f'"{name}"' not in own[0]
        and f'settings["{name}"]' not in own[1]
        and f"settings['{name}']" not in own[1]
    ]
    assert silent == []


def test_unknown_names_in_the_environment_are_told():
    found = settings(environ={"DISCO_PORTS": "1", "DISCO_SETTINGS_FILE": "", "PATH": "x"})
    assert found.unknown() == {"DISCO_PORTS": "did you mean DISCO_PORT?"}
    assert found.with_values(DISCO_PORT=1).unknown() == found.unknown()


def test_unknown_names_in_the_environment_are_not_ours():
    assert settings(environ={"DISCO_BALL": "1"}).port == 8989


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("DISCO_PORT", "0", "1 to 65535"),
        ("DISCO_PORT", str(MAX_PORT + 1), "1 to 65535"),
        ("DISCO_PORT", "http", "a port number"),
        ("DISCO_DEBUG", "3", "off, log or trace"),
        ("DISCO_SCHEDULER", "lifo", "fair or fifo"),
        ("DISCO_SCHEDULER_ALPHA", "2", "from 0 to 1"),
        ("DISCO_WORKER_MAX_MEM", "101%", "percentage"),
        ("DISCO_WORKER_MAX_MEM", "0%", "percentage"),
        ("DISCO_WORKER_MAX_MEM", "lots", "bytes"),
        ("DISCO_MASTER", "ftp://x", "http://HOST:PORT"),
        ("DISCO_MASTER", "host:99999", "http://HOST:PORT"),
        ("DISCO_MASTER_HOST", "a/b", "a host name"),
        ("DDFS_BLOB_REPLICAS", "0", "1 or more"),
        ("DISCO_GC_AFTER", "-1", "0 or more"),
        ("DISCO_DATA", "", "a path"),
    ],
)
def test_a_bad_value_names_setting_source_and_form(name, value, form):
    with pytest.raises(SettingsError) as caught:
        settings(environ={name: value})
    message = str(caught.value)
    assert name in message
    assert "the environment" in message
    assert form in message


@pytest.mark.parametrize("port", ["1", str(MAX_PORT)])
def test_ports_at_the_limits_are_taken(port):
    assert settings(environ={"DISCO_PORT": port}).port == int(port)


def test_paths_follow_the_root_m49_m59_m60_m62_m65():
    """M10, C32: each cluster's name, from its port, names its files."""
    found = settings(DISCO_ROOT="/srv/disco", DISCO_PORT=7000)
    assert found["DISCO_DATA"] == "/srv/disco/data"
    assert found["DISCO_NAME"] == "disco_7000"
    assert found["DISCO_MASTER_ROOT"] == "/srv/disco/data/_disco_7000"  # C16
    assert found["DISCO_MASTER_CONFIG"] == "/srv/disco/disco_7000.config"
    assert (found["DISCO_LOG_DIR"], found["DISCO_PID_DIR"]) == ("/srv/disco/log", "/srv/disco/run")
    assert found["DDFS_DATA"] == "/srv/disco/ddfs"
    assert settings(DISCO_ROOT="/srv/disco", DDFS_ROOT="/big")["DDFS_DATA"] == "/big"  # M83


def test_the_root_is_below_home_or_in_the_users_data_m54_m65():
    assert settings(DISCO_HOME="/opt/disco")["DISCO_ROOT"] == "/opt/disco/root"
    assert settings()["DISCO_ROOT"] == os.path.expanduser("~/.local/share/disco")  # noqa: PTH111 - an independent way


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://head:1234", "http://head:1234"),
        ("http://head:1234/", "http://head:1234"),
        ("disco://head", "http://head:8989"),
        ("head:1234", "http://head:1234"),
        ("head", "http://head:8989"),
        ("[::1]:1234", "http://[::1]:1234"),
        ("[::1]", "http://[::1]:8989"),
    ],
)
def test_forms_of_the_masters_address_m56(given, url):
    assert settings(DISCO_MASTER=given)["DISCO_MASTER"] == url


def test_the_master_is_found_by_host_and_port_m58():
    assert settings()["DISCO_MASTER"] == "http://localhost:8989"
    assert settings(DISCO_MASTER_HOST="head", DISCO_PORT=80)["DISCO_MASTER"] == "http://head:80"
    assert settings(DISCO_MASTER_HOST="head")["DISCO_TEST_HOST"] == "head"  # C17


def test_a_proxy_is_asked_instead_of_the_master_m74():
    assert settings(DISCO_PROXY="http://gate:8999").master == "http://gate:8999"


@pytest.mark.parametrize(("given", "word"), [(0, "off"), ("1", "log"), ("2", "trace"), ("trace", "trace")])
def test_debug_takes_numbers_and_words_c15(given, word):
    assert settings(DISCO_DEBUG=given)["DISCO_DEBUG"] == word


@pytest.mark.parametrize(
    ("given", "on"), [("", False), ("False", False), ("0", False), ("True", True), (True, True)]
)
def test_flags_m66_m73_m91(given, on):
    assert settings(DISCO_PROXY_ENABLED=given)["DISCO_PROXY_ENABLED"] is on


def test_memory_limit_in_bytes_or_percent_m71():
    assert memory_limit_bytes(settings(DISCO_WORKER_MAX_MEM="2G")) == 2**31
    assert memory_limit_bytes(settings(DISCO_WORKER_MAX_MEM=1000)) == 1000
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory_limit_bytes(settings()) == int(whole * 0.8)


@pytest.mark.parametrize(("text", "size"), [("7", 7), ("7k", 7168), ("1MiB", 2**20), ("2 GB", 2**31), (5, 5)])
def test_sizes(text, size):
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5G", "1X", "G"])
def test_bad_sizes(text):
    with pytest.raises(ValueError, match="is no size"):
        read_size(text)


def test_three_replicas_are_wanted_c9():
    """M28, M677: the numbers of a cluster are the defaults."""
    found = settings()
    assert (found["DDFS_TAG_REPLICAS"], found["DDFS_BLOB_REPLICAS"], found["DDFS_TAG_MIN_REPLICAS"]) == (
        3,
        3,
        1,
    )


def test_settings_of_the_erlang_original_are_accepted_and_explained_m51_m55():
    found = settings(environ={"DISCO_ERLANG": "erl", "DISCO_HTTPD": "lighttpd"})
    assert "Python" in found.obsolete("DISCO_ERLANG")
    assert "proxy" in found.obsolete("DISCO_HTTPD")
    assert found.obsolete("DISCO_PORT") == ""


def test_every_setting_has_a_usable_default():
    found = settings()
    for name in found:
        assert TABLE[name].kind.read(found[name]) == found[name], name


def test_given_settings_travel_to_a_child_as_environment():
    found = settings(environ={"DISCO_PORT": "7000"}, DDFS_PARANOID_DELETE=True, DISCO_ROTATE_LOG=False)
    assert found.env == {"DISCO_PORT": "7000", "DDFS_PARANOID_DELETE": "True", "DISCO_ROTATE_LOG": ""}
    assert dict(settings(environ=found.env)) == dict(found)


def test_a_copy_with_values_leaves_the_original_alone():
    first = settings(DISCO_PORT=1)
    assert first.with_values(DISCO_PORT=2).port == 2
    assert first.port == 1


def test_unknown_names_from_the_program_are_errors():
    with pytest.raises(SettingsError, match="no setting DISCO_X"):
        settings(DISCO_X=1)
    with pytest.raises(KeyError):
        settings()["DISCO_X"]


def test_a_bare_interpreter_imports_the_client_with_the_standard_library_alone():
    """User modules import these at the top, and are imported on nodes."""
    package = Path(sys.modules["disco.settings"].__file__ or "").parent.parent
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import disco.settings, disco.ddfs, disco.client.chunk;"
        "foreign = {'requests', 'click', 'rich', 'ujson', 'cloudpickle'} & set(sys.modules);"
        "print(sorted(foreign))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(package)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
