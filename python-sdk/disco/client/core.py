"""The client's view of a Disco master. Source: documents 4.1.1."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .. import __version__
from ..deprecation import deprecated
from ..error import CommError, DiscoError, JobError
from ..settings import DiscoSettings
from .http import MASTER_HINT, HttpClient, Patience
from .results import Results, classic_iterator, result_iterator

if TYPE_CHECKING:
    import pstats

    from .ddfs import DDFS
    from .job import Job
    from .packing.jobpack import JobPack

__all__ = ["Disco", "classic_iterator", "result_iterator"]

_RANGE_ENDS = 416
INACTIVE = ("ready", "dead", "unknown job")


class Disco:
    """An interface to the Disco master at `master`, by default the one that the settings name.

    `master` is a URL, `disco://host`, `http://host:port` or `host:port`; `proxy` is asked in its place. Every
    method raises CommError when the master can't be reached or refuses; its `code` is the HTTP status.
    """

    def __init__(
        self,
        master: str | None = None,
        settings: DiscoSettings | None = None,
        proxy: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.settings = (DiscoSettings() if settings is None else settings).reaching(master, proxy)
        self.master = self.settings.master
        self._patience = patience or Patience()
        self._http = HttpClient(self._patience, hint=MASTER_HINT, secret=self.settings.secret)

    def __repr__(self) -> str:
        return f"Disco master at {self.master}"

    # ---- requests

    def request(self, url: str, data: bytes | str | None = None, offset: int = 0) -> bytes:
        """GET, or POST `data` to, a path of the master; returns the body. Raises CommError."""
        method = "GET" if data is None else "POST"
        return self._http.request(method, f"{self.master}{url}", data, offset=offset or None).body

    def _ask(self, op: str, name: str | None = None, data: Any = None) -> Any:
        query = "" if name is None else f"?name={quote(name, safe='@:')}"
        body = None if data is None else json.dumps(data)
        reply = self.request(f"/disco/ctrl/{op}{query}", body)
        try:
            return json.loads(reply)
        except ValueError:
            raise CommError(
                f"the reply is no JSON: {reply[:80]!r}", f"{self.master}/disco/ctrl/{op}"
            ) from None

    @property
    def ddfs(self) -> DDFS:
        """DDFS of the same master."""
        from .ddfs import DDFS

        return DDFS(settings=self.settings)

    # ---- nodes and settings of the master

    def nodeinfo(self) -> dict[str, Any]:
        """The nodes by name, a dictionary each.

        job_ok, data_error, error: how many attempts ended so; max_workers: slots; connected, blacklisted;
        diskfree, diskused: in KiB; tasks: the job of each running attempt, if there are any.
        """
        return dict(self._ask("nodeinfo"))

    def blacklist(self, node: str) -> None:
        """Tasks are no longer run on the node. Those that run there go on."""
        self.request("/disco/ctrl/blacklist", json.dumps(node))

    def whitelist(self, node: str) -> None:
        """Tasks may run on the node again."""
        self.request("/disco/ctrl/whitelist", json.dumps(node))

    @property
    def config(self) -> list[list[str]]:
        """The table of nodes: (host specification, slots) rows, as text."""
        return list(self._ask("load_config_table"))

    @config.setter
    def config(self, table: Sequence[Sequence[str]]) -> None:
        reply = self._ask("save_config_table", data=[list(map(str, row)) for row in table])
        if reply != "table saved!":
            raise DiscoError(f"the master refused the table: {reply}")

    @property
    def master_version(self) -> str:
        return str(json.loads(self.request("/disco/version")))

    @property
    def client_version(self) -> str:
        return __version__

    # ---- jobs

    def new_job(self, name: str, **jobargs: Any) -> Job:
        """Submits a new job called `name` and something; the same as `Job(name).run(**jobargs)`."""
        from .job import Job

        return Job(name=name, master=self).run(**jobargs)

    def submit(self, jobpack: bytes, job: Any = None) -> str:
        """Submit the bytes of a job pack; returns the job's name. Raises JobError when it is refused."""
        try:
            reply = json.loads(self.request("/disco/job/new", jobpack))
            status, answer = reply
        except CommError as error:
            if error.code is None or error.code in (502, 503, 504):
                raise
            raise JobError(job, f"the master refused it ({error.code}): {error.msg}") from error
        except ValueError as error:
            raise JobError(job, f"{self.master} answered as no Disco master does: {error}") from error
        if status != "ok":
            raise JobError(job, str(answer))
        return str(answer)

    def joblist(self) -> list[list[Any]]:
        """[start time, status, name] of each job, newest first.

        The time is in seconds since 1970; the status is active, ready or dead.
        """
        return list(self._ask("joblist"))

    def jobinfo(self, jobname: str) -> dict[str, Any]:
        """A dictionary about the job. Raises CommError (404) for one that the master does not know.

        active: its status; failure: why it is dead; mapi, redi: how many tasks wait, run, are done, have
        failed; reduce: whether it has that phase; results and the first 100 inputs: URLs; hosts: one for each
        running task; worker, owner; timestamp: when it was started.
        """
        return dict(self._ask("jobinfo", jobname))

    def jobpack(self, jobname: str) -> JobPack:
        """The job pack that was submitted for the job. Raises CommError (404) once the job is gone."""
        from .packing.jobpack import JobPack

        return JobPack.loads(self.request(f"/disco/ctrl/parameters?name={quote(jobname, safe='@:')}"))

    def kill(self, jobname: str) -> None:
        """Kills the job: its tasks end now, and it is dead. What it has written stays until `purge`."""
        self.request("/disco/ctrl/kill_job", json.dumps(jobname))

    def clean(self, jobname: str) -> None:
        """Deletes the job's metadata. Deprecated since 0.4: use `purge`.

        Afterwards nobody can find the job's results, which stay.
        """
        deprecated("Disco.clean", "0.4", "use purge, which deletes the job's data too")
        self.request("/disco/ctrl/clean_job", json.dumps(jobname))

    def purge(self, jobname: str) -> None:
        """Deletes all metadata and data related to the job."""
        self.request("/disco/ctrl/purge_job", json.dumps(jobname))

    def rawevents(self, jobname: str, offset: int = 0) -> bytes:
        """The job's events from a byte offset on: a JSON array a line."""
        try:
            return self.request(f"/disco/ctrl/rawevents?name={quote(jobname, safe='@:')}", offset=offset)
        except CommError as error:
            if error.code == _RANGE_ENDS:
                return b""
            raise

    def events(self, jobname: str, offset: int = 0) -> Iterator[tuple[int, tuple[str, str, str]]]:
        """Iterate over (offset, event), by time; an event is (time, host, message).

        The offset is that of the next event: give it back to go on from there.
        """
        for line in self.rawevents(jobname, offset).splitlines(keepends=True):
            if not line.endswith(b"\n"):
                return  # still being written
            offset += len(line)
            stamp, host, message = json.loads(line)
            yield offset, (stamp, host, message)

    def mapresults(self, jobname: str) -> list[str]:
        """The results of the job's map phase: URLs, fit as inputs of another job.

        Raises CommError (404) until the phase has finished.
        """
        return Results(self._ask("get_mapresults", jobname), self.settings)

    def results(self, jobspec: Any, timeout: int = 2000) -> Any:
        """(status, results) of one job, or two lists, inactive and active, for a list of jobs.

        An item of the lists is (jobname, (status, results)), and may be given as a job again, as may names
        and Jobs. The status is 'unknown job', 'dead', 'active' or 'ready'; results are URLs, and none before
        the job is ready. Waits at most `timeout` milliseconds for one of the jobs to finish.
        """
        if not isinstance(jobspec, list | tuple):
            [(_, answer)] = self._results([_name(jobspec)], timeout)
            return answer
        names = [_name(one) for one in jobspec]
        found = self._results(names, timeout) if names else []
        inactive = [item for item in found if item[1][0] in INACTIVE]
        return inactive, [item for item in found if item[1][0] not in INACTIVE]

    def _results(self, names: list[str], timeout_ms: float) -> list[tuple[str, tuple[str, list[str]]]]:
        wait_s = timeout_ms / 1000
        patience = Patience(silence_s=wait_s + self._patience.silence_s, deadline_s=self._patience.deadline_s)
        http = HttpClient(patience, hint=MASTER_HINT, secret=self.settings.secret)
        body = json.dumps([int(timeout_ms), names])
        reply = http.request("POST", f"{self.master}/disco/ctrl/get_results", body).json()
        return [(name, (status, Results(urls, self.settings))) for name, (status, urls) in reply]

    def result_iterator(self, jobname: str, **kwargs: Any) -> Iterator[Any]:
        """The records of a finished job; options are those of `classic_iterator`."""
        _, urls = self.results(jobname)
        return result_iterator(urls, ddfs=self.ddfs, **kwargs)

    def wait(
        self,
        jobname: str,
        poll_interval: float = 2,
        timeout: float | None = None,
        clean: bool = False,
        show: bool | str | None = None,
    ) -> list[str]:
        """Block until the job has finished; returns its results.

        Raises JobError when the job fails, or has not finished after `timeout` seconds (it goes on then).
        `show` prints events, in the way of DISCO_EVENTS. `poll_interval` is in seconds. `clean` is deprecated
        since 0.4: use `purge` when the results have been read. A master that does not answer is waited for.
        """
        from .waiting import wait_for_job

        results = wait_for_job(self, jobname, poll_interval, timeout, show)
        if clean:
            self.clean(jobname)
        return results

    def failure_of(self, jobname: str, status: str) -> str:
        """Why a job is not ready: what the master knows of it."""
        if status == "dead":
            try:
                return str(self.jobinfo(jobname).get("failure") or "status dead")
            except CommError:
                pass
        return f"status {status}"

    # ---- out-of-band results

    def oob_get(self, jobname: str, key: str) -> bytes | None:
        """The job's out-of-band value under `key`, or None. Raises DiscoError if the job has none at all."""
        from .oob import get_oob

        return get_oob(self.ddfs, jobname, key)

    def oob_list(self, jobname: str) -> list[str]:
        """All out-of-band keys of the job."""
        from .oob import list_oob

        return list_oob(self.ddfs, jobname)

    def profile_stats(self, jobname: str, mode: str = "", stream: Any = None) -> pstats.Stats:
        """What the profiled tasks of the job did, merged; `mode` (map or reduce) restricts it.

        `stream` is where the statistics print themselves, by default standard output. Raises JobError for a
        job that was run without `profile=True`.
        """
        from .profiles import merged_stats

        return merged_stats(self, jobname, mode, stream)


def _name(job: Any) -> str:
    """The name of a job given as a Job, a name, or an item of `Disco.results`."""
    if isinstance(job, list | tuple):
        return str(job[0])
    return str(getattr(job, "name", job))
