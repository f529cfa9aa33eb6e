"""k-means clustering of points, by a job an iteration: each point goes to the nearest centre, each centre
moves to the mean of its points, until none moves.

    python kclustering.py K URL...          # lines of numbers, as many in each line
"""

import sys

from disco.core import Job, result_iterator

MAX_ITERATIONS = 100


class Points(Job):
    """Reads the points: (None, coordinates)."""

    @staticmethod
    def map(line, params):
        point = tuple(float(number) for number in line.split())
        if point:
            yield None, point


class Move(Job):
    """Gives for each centre that has points (number of the centre, (mean of its points, how many))."""

    partitions = 1

    @staticmethod
    def map_reader(fd, size, url, centres):
        from disco.worker.classic.func import chain_reader

        return chain_reader(fd, size, url, centres)

    @staticmethod
    def map(entry, centres):
        from math import dist

        _, point = entry
        yield min(range(len(centres)), key=lambda number: dist(point, centres[number])), (point, 1)

    @staticmethod
    def combiner(centre, value, sums, done, centres):
        if not done:
            point, count = value
            total, points = sums.get(centre, ((0.0,) * len(point), 0))
            sums[centre] = (tuple(a + b for a, b in zip(total, point, strict=True)), points + count)
        return sums.items() if done else None

    @staticmethod
    def reduce(iter, centres):
        from disco.util import kvgroup

        for centre, sums in kvgroup(sorted(iter)):
            sums = list(sums)
            points = sum(count for _, count in sums)
            yield (
                centre,
                (tuple(sum(column) / points for column in zip(*(total for total, _ in sums))), points),
            )


def cluster(urls, k):
    """The centres of k clusters, each with its number of points, in the order of the first k points.

    Raises ValueError when there are fewer than k different points.
    """
    points = Points().run(input=urls)
    read = points.wait()
    centres = first_different(result_iterator(read), k)
    sizes = [0] * k
    for _ in range(MAX_ITERATIONS):
        job = Move().run(input=read, params=centres)
        moved, sizes = list(centres), [0] * k
        for centre, (mean, count) in result_iterator(job.wait()):
            moved[centre], sizes[centre] = mean, count
        job.purge()
        if moved == centres:
            break
        centres = moved
    points.purge()
    return list(zip(centres, sizes, strict=True))


def first_different(entries, k):
    found = []
    for _, point in entries:
        if point not in found:
            found.append(point)
        if len(found) == k:
            return found
    raise ValueError(f"There are {len(found)} different points: too few for {k} clusters")


if __name__ == "__main__":
    from kclustering import cluster

    for centre, size in cluster(sys.argv[2:], int(sys.argv[1])):
        print(size, *(f"{number:g}" for number in centre))
