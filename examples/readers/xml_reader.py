"""A map reader for XML: a job over the elements of one name, of files of any size.

    disco run xml_reader.Speakers URL...

`elements` keeps one element in memory at a time. Input that is not XML ends the task with an error that
says where.
"""

from disco.core import Job
from disco.worker.classic.func import sum_combiner, sum_reduce


def elements(fd, name):
    """Each element called `name`, whole, as an xml.etree Element; names with a namespace count without it."""
    from xml.etree.ElementTree import iterparse

    open_elements = []
    for event, element in iterparse(fd, events=("start", "end")):
        if event == "start":
            open_elements.append(element)
            continue
        open_elements.pop()
        if element.tag.rpartition("}")[2] == name:
            yield element
            if open_elements:  # its parent need not keep it
                open_elements[-1].remove(element)


class Speakers(Job):
    """Counts the <SPEECH> elements of each <SPEAKER>: plays marked up in XML."""

    combiner = staticmethod(sum_combiner)
    reduce = staticmethod(sum_reduce)

    @staticmethod
    def map_reader(fd, size, url, params):
        return elements(fd, "SPEECH")

    @staticmethod
    def map(speech, params):
        for speaker in speech.iter("SPEAKER"):
            yield (speaker.text or "").strip(), 1
