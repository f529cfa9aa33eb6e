"""Settings: one table that says what each one is, and one object that finds its value.

A value comes from the first of: the object itself (`DiscoSettings(DISCO_PORT=9000)`), the environment,
the settings file, the default. The settings file is the one named by `--settings` or DISCO_SETTINGS_FILE,
else `~/.disco` (a file), else `/etc/disco/settings.py`; it is Python, and its `NAME = value` lines count.
Names that don't begin with DISCO_ or DDFS_ are the file's own business; an unknown name that does is an
error, since a misspelt setting that is silently ignored is worse than one that is missing. Every given
value is checked when the object is made, so nothing starts on half-good settings.

Settings of the Erlang original that nothing here can obey are still accepted, so that an old file
works; `DiscoSettings.obsolete` says why each is ignored.

Only the standard library: user modules import this on bare nodes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .error import DiscoError

USER_FILE = "~/.disco"
SYSTEM_FILE = "/etc/disco/settings.py"
FILE_VARIABLE = "DISCO_SETTINGS_FILE"
HUNDRED_YEARS_S = 100 * 365 * 24 * 60 * 60
MAX_PORT = 65535
_PREFIXES = ("DISCO_", "DDFS_")
_SIZE_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_OFF_WORDS = frozenset({"", "0", "false", "no", "off", "none"})
_DEBUG_WORDS = {"0": "off", "1": "log", "2": "trace", "off": "off", "log": "log", "trace": "trace"}


class SettingsError(DiscoError):
    """A setting that can't be used: its name, where it was given, and the accepted form."""


@dataclass(frozen=True)
class Kind:
    """A way to read a value. `read` raises ValueError on anything but `form`."""

    form: str
    read: Callable[[Any], Any]


@dataclass(frozen=True)
class Setting:
    """One row of the table. `default` is a value or a function of the settings.

    `obsolete` says why the setting is accepted but ignored.
    """

    name: str
    kind: Kind
    default: Any
    obsolete: str = ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _optional_text(value: Any) -> str | None:
    return str(value) if value else None


def _whole(least: int, most: int | None = None) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, (bool, float)):
            raise ValueError
        number = int(value)
        if number < least or (most is not None and number > most):
            raise ValueError
        return number

    return read


def _optional_count(value: Any) -> int | None:
    return None if value in (None, "") else _whole(0)(value)


def _fraction(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError
    return number


def _flag(value: Any) -> bool:
    return str(value).lower() not in _OFF_WORDS


def _path(value: Any) -> str:
    if not str(value):
        raise ValueError
    return str(Path(os.fspath(value)).expanduser())


def _debug(value: Any) -> str:
    try:
        return _DEBUG_WORDS[str(value).lower()]
    except KeyError:
        raise ValueError from None


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return read


def read_size(value: Any) -> int:
    """Bytes of `4096`, `"4096"`, `"64M"` or `"2GiB"` (powers of 1024). ValueError on anything else."""
    found = re.fullmatch(r"(\d+)\s*([KMGT]?)(?:i?B)?", str(value).strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"{value!r} is no size: give bytes, or a number with K, M, G or T")
    return int(found[1]) * _SIZE_UNITS[found[2].upper()]


def _memory_limit(value: Any) -> str:
    text = str(value).strip()
    if text.endswith("%"):
        if not 0 < float(text[:-1]) <= 100:
            raise ValueError
    elif read_size(text) <= 0:
        raise ValueError
    return text


_HOST = r"[\w.\-]+|\[[\da-fA-F:.]+\]"


def _host(value: Any) -> str:
    """A host name or address; an IPv6 address comes without brackets."""
    text = str(value).strip()
    if not re.fullmatch(r"[\w.\-]+|[\da-fA-F:.]+", text):
        raise ValueError
    return text


def _web_address(value: Any) -> str:
    """`http://host[:port]` without a last slash; empty stays empty."""
    text = str(value or "").rstrip("/")
    if not text:
        return ""
    scheme, mark, rest = text.partition("://")
    scheme, rest = (scheme, rest) if mark else ("http", text)
    found = re.fullmatch(rf"({_HOST})(?::(\d{{1,5}}))?", rest)
    if scheme not in ("http", "https", "disco") or not found:
        raise ValueError
    if found[2]:
        _whole(1, MAX_PORT)(found[2])
    return f"{'http' if scheme == 'disco' else scheme}://{rest}"


TEXT = Kind("any text", _text)
TOKEN = Kind("any text; empty for none", _optional_text)
HOST = Kind("a host name or an IP address", _host)
PATH = Kind("a path", _path)
PORT = Kind(f"a port number, 1 to {MAX_PORT}", _whole(1, MAX_PORT))
COUNT = Kind("a whole number, 1 or more", _whole(1))
SECONDS = Kind("a whole number of seconds, 0 or more", _whole(0))
MINUTES = Kind("a whole number of minutes, or empty", _optional_count)
FRACTION = Kind("a number from 0 to 1", _fraction)
FLAG = Kind("empty or False for off, anything else for on", _flag)
DEBUG = Kind("0, 1, 2, off, log or trace", _debug)
SCHEDULER = Kind("fair or fifo", _one_of("fair", "fifo"))
ENGINE = Kind("local or dask", _one_of("local", "dask"))
BOX = Kind("a number of nodes, 0 to 250", _whole(0, 250))
MEMORY = Kind("bytes (2000000000, 2G) or a percentage of all memory (80%)", _memory_limit)
ADDRESS = Kind("http://HOST:PORT, disco://HOST or HOST:PORT", _web_address)


def _below(parent: str, *names: str) -> Callable[[DiscoSettings], str]:
    return lambda settings: str(Path(settings[parent], *[name.format_map(settings) for name in names]))


def _default_root(settings: DiscoSettings) -> str:
    home = settings["DISCO_HOME"]
    return str(Path(home, "root") if home else Path("~/.local/share/disco").expanduser())


def _login_name(_settings: DiscoSettings) -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id may have no name
        return str(os.getuid())


def _job_owner(settings: DiscoSettings) -> str:
    import socket

    return f"{_login_name(settings)}@{socket.gethostname()}"


def _default_master(settings: DiscoSettings) -> str:
    host = settings["DISCO_MASTER_HOST"]
    return f"http://[{host}]" if ":" in host else f"http://{host}"


_NO_ERLANG = "master and nodes are Python programs, started by the interpreter that runs `disco`"
_OWN_PROXY = "the master itself answers proxy requests; no other program is started"
_NO_GC = "this release collects no garbage; `disco purge` and `ddfs rm` are what deletes"
_NO_ALPHA = "the fair scheduler compares what jobs run now, and keeps no averages"
_OWN_TESTS = "`disco test` serves its data to itself"
_OWN_LIMITS = "a node takes 3 transfers at a time and lets 100 wait; clients retry up to a deadline"

TABLE: dict[str, Setting] = {
    row.name: row
    for row in (
        Setting("DISCO_HOME", TEXT, ""),
        Setting("DISCO_ROOT", PATH, _default_root),
        Setting("DISCO_DATA", PATH, _below("DISCO_ROOT", "data")),
        Setting("DISCO_NAME", TEXT, lambda settings: f"disco_{settings['DISCO_PORT']}"),
        Setting("DISCO_MASTER_HOST", HOST, "localhost"),
        Setting("DISCO_MASTER", ADDRESS, _default_master),
        Setting("DISCO_MASTER_HOME", TEXT, "", "nothing is read from a source tree"),
        Setting("DISCO_MASTER_ROOT", PATH, _below("DISCO_DATA", "_{DISCO_NAME}")),
        Setting("DISCO_MASTER_CONFIG", PATH, _below("DISCO_ROOT", "{DISCO_NAME}.config")),
        Setting("DISCO_LOG_DIR", PATH, _below("DISCO_ROOT", "log")),
        Setting("DISCO_PID_DIR", PATH, _below("DISCO_ROOT", "run")),
        Setting("DISCO_PORT", PORT, 8989),
        Setting("DISCO_ROTATE_LOG", FLAG, False),
        Setting("DISCO_USER", TEXT, _login_name, "master and nodes run as whoever starts them"),
        Setting("DISCO_JOB_OWNER", TEXT, _job_owner),
        Setting("DISCO_WWW_ROOT", TEXT, "", "the pages are part of the package"),
        Setting("DISCO_DEBUG", DEBUG, "log"),
        Setting("DISCO_EVENTS", TEXT, ""),
        Setting("DISCO_FLAGS", TEXT, "", "its one flag, nocurl, is about a library that is not used here"),
        Setting("DISCO_GC_AFTER", SECONDS, HUNDRED_YEARS_S, _NO_GC),
        Setting("DISCO_WORKER_MAX_MEM", MEMORY, "80%"),
        Setting("DISCO_ENGINE", ENGINE, lambda settings: "dask" if settings["DISCO_NODES"] else "local"),
        Setting("DISCO_NODES", BOX, 0),
        Setting("DISCO_CLUSTER_PORT", PORT, 8991),
        Setting("DISCO_BIND", TEXT, ""),
        Setting("DISCO_SECRET_FILE", PATH, _below("DISCO_ROOT", "secret")),
        Setting("DISCO_TLS_CA", TEXT, ""),
        Setting("DISCO_TLS_CERT", TEXT, ""),
        Setting("DISCO_TLS_KEY", TEXT, ""),
        Setting("DISCO_SCHEDULER", SCHEDULER, "fair"),
        Setting("DISCO_SCHEDULER_ALPHA", FRACTION, 0.001, _NO_ALPHA),
        Setting("DISCO_PROXY", ADDRESS, ""),
        Setting("DISCO_PROXY_ENABLED", FLAG, False, _OWN_PROXY),
        Setting("DISCO_PROXY_PORT", PORT, 8999, _OWN_PROXY),
        Setting("DISCO_PROXY_PID", PATH, _below("DISCO_ROOT", "{DISCO_NAME}-proxy.pid"), _OWN_PROXY),
        Setting("DISCO_PROXY_CONFIG", PATH, _below("DISCO_ROOT", "{DISCO_NAME}-proxy.conf"), _OWN_PROXY),
        Setting("DISCO_HTTPD", TEXT, "", _OWN_PROXY),
        Setting("DISCO_ERLANG", TEXT, "", _NO_ERLANG),
        Setting("DISCO_ULIMIT", TEXT, "", "nothing in the original read it either"),
        Setting("DISCO_TEST_DISCODB", TEXT, "", _OWN_TESTS),
        Setting("DISCO_TEST_HOST", HOST, lambda settings: settings["DISCO_MASTER_HOST"], _OWN_TESTS),
        Setting("DISCO_TEST_PORT", PORT, 9444, _OWN_TESTS),
        Setting("DISCO_TEST_PROFILE", TEXT, ""),
        Setting("DISCO_TEST_PURGE", TEXT, "purge"),
        Setting("DDFS_ROOT", PATH, _below("DISCO_ROOT", "ddfs")),
        Setting("DDFS_DATA", PATH, lambda settings: settings["DDFS_ROOT"]),
        Setting("DDFS_PUT_PORT", PORT, 8990),
        Setting("DDFS_PUT_MAX", COUNT, 3, _OWN_LIMITS),
        Setting("DDFS_GET_MAX", COUNT, 3, _OWN_LIMITS),
        Setting("DDFS_READ_TOKEN", TOKEN, None),
        Setting("DDFS_WRITE_TOKEN", TOKEN, None),
        Setting("DDFS_GC_INITIAL_WAIT", MINUTES, None, _NO_GC),
        Setting("DDFS_PARANOID_DELETE", FLAG, False, _NO_GC),
        Setting("DDFS_TAG_MIN_REPLICAS", COUNT, 1),
        Setting("DDFS_TAG_REPLICAS", COUNT, 3),
        Setting("DDFS_BLOB_REPLICAS", COUNT, 3),
    )
}


def _checked(name: str, value: Any, source: str) -> Any:
    kind = TABLE[name].kind
    try:
        return kind.read(value)
    except (ValueError, TypeError):
        raise SettingsError(f"{name} = {value!r} (from {source}) is not usable: give {kind.form}") from None


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, TABLE, n=1)
    return f"did you mean {near[0]}?" if near else "remove it; `disco -v` lists all settings"


def _unknown(name: str, source: str) -> SettingsError:
    if name == FILE_VARIABLE:
        return SettingsError(
            f"{name} names the settings file and can't be set in it ({source}): remove the line"
        )
    return SettingsError(f"There is no setting {name} (from {source}): {_nearest(name)}")


def find_file(named: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file to read, or None. A named file must exist; the two usual ones need not."""
    wanted = named or environ.get(FILE_VARIABLE)
    if wanted:
        path = Path(wanted).expanduser()
        if not path.is_file():
            raise SettingsError(f"The settings file {path} is not there; check --settings or {FILE_VARIABLE}")
        return path
    home = environ.get("HOME")
    usual = ([Path(home) / ".disco"] if home else []) + [Path(SYSTEM_FILE)]
    return next((path for path in usual if path.is_file()), None)


def _read_file(path: Path) -> dict[str, Any]:
    names: dict[str, Any] = {"__file__": str(path), "os": os}
    try:
        exec(compile(path.read_text(), str(path), "exec"), names)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise SettingsError(f"The settings file {path} can't be run ({reason}); it must be Python") from error
    given = {name: value for name, value in names.items() if name.startswith(_PREFIXES)}
    for name in given:
        if name not in TABLE:
            raise _unknown(name, str(path))
    return {name: _checked(name, value, str(path)) for name, value in given.items()}


class DiscoSettings(MutableMapping[str, Any]):
    """All settings by name, each in its type. Assigning overrides every other source.

    `filename` is the settings file to use instead of the usual ones; `environ` is for tests.
    Raises SettingsError on an unknown name or an unusable value.
    """

    def __init__(
        self,
        filename: str | os.PathLike[str] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        **explicit: Any,
    ) -> None:
        environ = os.environ if environ is None else environ
        self.file = find_file(filename, environ)
        self._explicit: dict[str, Any] = {}
        for name, value in explicit.items():
            self[name] = value
        self._strangers = sorted(
            n for n in environ if n.startswith(_PREFIXES) and n not in TABLE and n != FILE_VARIABLE
        )
        self._environ = {n: _checked(n, v, "the environment") for n, v in environ.items() if n in TABLE}
        self._from_file = _read_file(self.file) if self.file else {}

    def __getitem__(self, name: str) -> Any:
        for values in (self._explicit, self._environ, self._from_file):
            if name in values:
                return self._completed(name, values[name])
        default = TABLE[name].default
        return self._completed(name, default(self) if callable(default) else default)

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in TABLE:
            raise _unknown(name, "the program")
        self._explicit[name] = _checked(name, value, "the program")

    def __delitem__(self, name: str) -> None:
        del self._explicit[name]

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)

    def __repr__(self) -> str:
        return f"DiscoSettings(file={str(self.file) if self.file else None!r})"

    def _completed(self, name: str, value: Any) -> Any:
        """An address of the master without a port gets DISCO_PORT."""
        if name == "DISCO_MASTER" and value and not re.search(r":\d+$", value):
            return f"{value}:{self['DISCO_PORT']}"
        return value

    def with_values(self, **explicit: Any) -> DiscoSettings:
        """A copy in which these values come first."""
        copy = DiscoSettings.__new__(DiscoSettings)
        copy.file, copy._environ, copy._from_file = self.file, self._environ, self._from_file
        copy._strangers = self._strangers
        copy._explicit = dict(self._explicit)
        copy.update(explicit)
        return copy

    def reaching(self, master: str | None, proxy: str | None) -> DiscoSettings:
        """These settings, with another master or proxy where one is given."""
        given = {"DISCO_MASTER": master, "DISCO_PROXY": proxy}
        return self.with_values(**{name: address for name, address in given.items() if address})

    def source(self, name: str) -> str:
        """Where the value of a setting comes from, for people."""
        if name in self._explicit:
            return "the program"
        if name in self._environ:
            return "the environment"
        return str(self.file) if name in self._from_file else "the default"

    def obsolete(self, name: str) -> str:
        """Why this setting is accepted but ignored; "" for the others."""
        return TABLE[name].obsolete

    def unknown(self) -> dict[str, str]:
        """Names in the environment that look like settings and are none, each with what to do about it.

        They may belong to something else, so they are no error; `disco -v` shows them.
        """
        return {name: _nearest(name) for name in self._strangers}

    @property
    def env(self) -> dict[str, str]:
        """The given settings as environment variables for a child process; defaults are left to the child."""
        given = {**self._from_file, **self._environ, **self._explicit}
        return {name: _as_variable(value) for name, value in given.items()}

    @property
    def master(self) -> str:
        """Where requests to the master go: the proxy when there is one."""
        return str(self["DISCO_PROXY"] or self["DISCO_MASTER"])

    @property
    def secret(self) -> str:
        """The cluster secret, which a master that other machines reach asks for; "" where there is none."""
        try:
            return self.path("DISCO_SECRET_FILE").read_text().strip()
        except OSError:
            return ""

    @property
    def port(self) -> int:
        return int(self["DISCO_PORT"])

    @property
    def put_port(self) -> int:
        return int(self["DDFS_PUT_PORT"])

    def path(self, name: str) -> Path:
        """A setting of the kind PATH."""
        return Path(self[name])


def memory_limit_bytes(settings: Mapping[str, Any]) -> int:
    """DISCO_WORKER_MAX_MEM in bytes; a percentage is of this machine's memory."""
    limit = str(settings["DISCO_WORKER_MAX_MEM"])
    if not limit.endswith("%"):
        return read_size(limit)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(total * float(limit[:-1]) / 100)


def _as_variable(value: Any) -> str:
    if value is None or value is False:
        return ""
    return str(value)
