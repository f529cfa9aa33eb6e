"""The word count as a Job class:  disco run wordcount.WordCount tag://data:bigtxt"""

from disco.core import Job, result_iterator
from disco.worker.classic.func import sum_combiner, sum_reduce


class WordCount(Job):
    partitions = 2
    combiner = staticmethod(sum_combiner)
    reduce = staticmethod(sum_reduce)

    @staticmethod
    def map(line, params):
        for word in line.split():
            yield word, 1


if __name__ == "__main__":
    job = WordCount().run(input=["tag://data:bigtxt"])
    for word, count in result_iterator(job.wait(show=True)):
        print(word.decode(), count)
