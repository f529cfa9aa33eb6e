"""N trivial Python map tasks over raw:// inputs: N."""

import sys

from disco.core import Job


def map(entry, params):
    yield entry, 1


if __name__ == "__main__":
    job = Job("tasks").run(input=[f"raw://{i}" for i in range(int(sys.argv[1]))], map=map, partitions=None)
    assert job.wait()
    print(job.name)
