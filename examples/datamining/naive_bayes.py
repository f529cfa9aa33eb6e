"""A naive Bayes classifier of texts: one job counts, one job classifies.

    python naive_bayes.py TRAINING_URL TEXT_URL

The lines of the first are `label text…`, those of the second are texts; each is printed with its label.
"""

import sys
from collections import Counter
from math import log

from disco.core import Job, result_iterator
from disco.worker.classic.func import sum_combiner, sum_reduce


def words(text):
    return [word for word in (word.strip(".,;:!?'\"()-").lower() for word in text.split()) if word]


class Count(Job):
    """How many texts a label has, (label, None), and how often each word is in them, (label, word)."""

    partitions = 2
    combiner = staticmethod(sum_combiner)
    reduce = staticmethod(sum_reduce)

    @staticmethod
    def map(line, params):
        label, _, text = line.decode().partition(" ")
        if text:
            yield (label, ""), 1
            for word in words(text):
                yield (label, word), 1


class Classify(Job):
    """(text, label) of each line; the model is the parameter."""

    @staticmethod
    def map(line, model):
        text = line.decode().rstrip("\n")
        yield text, model.label(text)


class Model:
    """Multinomial, with add-one smoothing over the words of the training texts."""

    def __init__(self, counts):
        counts = dict(counts)
        self.texts = {label: n for (label, word), n in counts.items() if not word}
        self.counts = {pair: n for pair, n in counts.items() if pair[1]}
        self.totals = Counter()
        for (label, _), n in self.counts.items():
            self.totals[label] += n
        self.vocabulary = {word for _, word in self.counts}

    def label(self, text):
        """The most likely label; of equally likely ones the first in the order of the alphabet."""
        known = [word for word in words(text) if word in self.vocabulary]
        return max(sorted(self.texts), key=lambda label: self.log_likelihood(label, known))

    def log_likelihood(self, label, known):
        size = self.totals[label] + len(self.vocabulary)
        return log(self.texts[label]) + sum(
            log((self.counts.get((label, word), 0) + 1) / size) for word in known
        )


def train(urls):
    job = Count().run(input=urls)
    model = Model(result_iterator(job.wait()))
    job.purge()
    return model


def classify(model, urls):
    """(text, label) of each line of the inputs."""
    job = Classify().run(input=urls, params=model)
    yield from result_iterator(job.wait())
    job.purge()


if __name__ == "__main__":
    from naive_bayes import classify, train

    for text, label in classify(train([sys.argv[1]]), [sys.argv[2]]):
        print(label, text)
