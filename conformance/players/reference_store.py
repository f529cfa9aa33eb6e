"""What the reference master does with outputs: parts joined by label, an index of a phase, results.

One node, so one index a phase. Tasks report in any order; the index has them in the order of the tasks.
"""

import gzip

HOST = "localhost"


class Store:
    """The outputs of one job. `home` is the job home, `path` the same as a URL has it."""

    def __init__(self, home, path):
        self.home, self.path = home, path
        self.outputs = {}

    def keep(self, mode, task, outputs):
        """The outputs of a task that came to DONE."""
        self.outputs[mode, task] = outputs

    def of(self, mode):
        tasks = sorted(task for kept, task in self.outputs if kept == mode)
        return [output for task in tasks for output in self.outputs[mode, task]]

    def results(self, mode):
        tags = [location for location, kind, _ in self.of(mode) if kind == "tag"]
        return [*self.index(mode), *tags]

    def index(self, mode):
        """The URL of the index, in a list: empty when there is nothing to list."""
        lines = self.lines(mode)
        if not lines:
            return []
        name = f".disco/{mode}-index.txt.gz"
        (self.home / ".disco").mkdir(exist_ok=True)
        (self.home / name).write_bytes(self.packed(self.ordered(lines)))
        return [f"dir://{HOST}/{self.path}/{name}"]

    def lines(self, mode):
        plain = [(0, self.url(location)) for location, kind, _ in self.of(mode) if kind == "disco"]
        parts = {}
        for location, kind, label in self.of(mode):
            if kind == "part":
                parts.setdefault(label, []).append(location)
        return plain + [(label, self.joined(mode, label, locations)) for label, locations in parts.items()]

    def ordered(self, lines):
        return sorted(set(lines))

    def joined(self, mode, label, locations):
        name = f".disco/{mode}-part-{label}"
        (self.home / ".disco").mkdir(exist_ok=True)
        (self.home / name).write_bytes(b"".join((self.home / one).read_bytes() for one in locations))
        return self.url(name)

    def url(self, location):
        return f"disco://{HOST}/{self.path}/{location}"

    def packed(self, lines):
        return gzip.compress("".join(f"{label} {url}\n" for label, url in lines).encode(), mtime=0)
