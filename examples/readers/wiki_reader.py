"""A map reader for wiki dumps (MediaWiki's XML export): a job over their pages.

disco run wiki_reader.LinkCount URL...       # how many pages link to each
"""

from xml_reader import elements

from disco.core import Job
from disco.worker.classic.func import sum_combiner, sum_reduce


def pages(fd):
    """(title, text of the last revision) of each page of a dump; redirects are left out."""
    for page in elements(fd, "page"):
        parts = {part.tag.rpartition("}")[2]: part for part in page.iter()}
        if "redirect" not in parts and "title" in parts:
            text = parts["text"].text if "text" in parts else ""
            yield parts["title"].text or "", text or ""


def links(text):
    """The titles that a page's text links to, each once: [[Title]], [[Title|shown]], [[Title#part]]."""
    import re

    found = re.findall(r"\[\[([^\[\]|#]+)", text)
    return sorted({title.strip()[:1].upper() + title.strip()[1:] for title in found if title.strip()})


class LinkCount(Job):
    combiner = staticmethod(sum_combiner)
    reduce = staticmethod(sum_reduce)

    @staticmethod
    def map_reader(fd, size, url, params):
        return pages(fd)

    @staticmethod
    def map(page, params):
        title, text = page
        for link in links(text):
            yield link, 1
