"""Page rank, by a job an iteration: each page shares its rank among the pages that it links to.

    python page_rank.py ITERATIONS URL...    # lines: a page, then the pages that it links to

The rank of a page is 1 - d + d * (the shares that it gets), d = 0.85, from 1 for each: the formula of the
original paper. What a page without links has is shared with nobody.
"""

import sys

from disco.core import Job, result_iterator
from disco.worker.classic.func import chain_reader

DAMPING = 0.85


class Start(Job):
    """(page, (rank, links)) of each line, and of each page that is only linked to."""

    partitions = 2

    @staticmethod
    def map(line, params):
        page, *links = line.decode().split() or [None]
        if page is not None:
            yield page, links
            for link in links:
                yield link, []

    @staticmethod
    def reduce(iter, params):
        from disco.util import kvgroup

        for page, lists in kvgroup(sorted(iter)):
            yield page, (1.0, [link for links in lists for link in links])


class Share(Job):
    """One iteration: (page, (new rank, links))."""

    partitions = 2
    params = DAMPING
    map_reader = staticmethod(chain_reader)

    @staticmethod
    def map(entry, damping):
        page, (rank, links) = entry
        yield page, (0.0, links)
        for link in links:
            yield link, (rank / len(links), [])

    @staticmethod
    def reduce(iter, damping):
        from disco.util import kvgroup

        for page, values in kvgroup(sorted(iter)):
            values = list(values)
            rank = 1 - damping + damping * sum(share for share, _ in values)
            yield page, (rank, [link for _, links in values for link in links])


def page_rank(urls, iterations):
    """page → rank, after so many iterations."""
    job = Start().run(input=urls)
    for _ in range(iterations):
        job, before = Share().run(input=job.wait()), job
        job.wait()
        before.purge()
    ranks = {page: rank for page, (rank, _) in result_iterator(job.wait())}
    job.purge()
    return ranks


if __name__ == "__main__":
    from page_rank import page_rank

    ranks = page_rank(sys.argv[2:], int(sys.argv[1]))
    for page in sorted(ranks, key=lambda page: (-ranks[page], page)):
        print(f"{ranks[page]:.4f}", page)
