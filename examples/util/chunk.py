"""Cuts what lies uncut in DDFS into chunks, in parallel: a map task a blob, and each stores its own chunks.

    ddfs push data:log ./huge.log ./other.log
    disco run chunk.LineChunker -P params data:chunked tag://data:log | xargs disco wait

The chunks of `tag://data:log` are then those of `tag://data:chunked`. GzipLineChunker reads gzipped blobs.
"""

from disco.core import Job


def store(url, tag, **options):
    """Cut one input into chunks under `tag`. A second try finds the chunks of the first by their names."""
    from disco.ddfs import DDFS
    from disco.worker.classic.worker import this_master

    _, blobs = DDFS(master=this_master()).chunk(tag, [url], update=True, **options)
    return len(blobs)


class LineChunker(Job):
    params = ""  # the tag of the chunks

    @staticmethod
    def map_reader(fd, size, url, params):
        yield url

    @staticmethod
    def map(url, params):
        yield url, store(url, params)


class GzipLineChunker(LineChunker):
    @staticmethod
    def map(url, params):
        from disco.worker.classic.func import gzip_line_reader

        yield url, store(url, params, reader=gzip_line_reader)
