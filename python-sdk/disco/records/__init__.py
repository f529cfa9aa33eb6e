"""Record streams: what flows between tasks, and what chunks and results are stored in.

    hunks      the stream: HunkWriter, read_hunks, read_records, and damage as DataError
    columns    what is inside a hunk: pickled, key-value or marshalled columns
    codecs     compression by number and name, with bounded decompression
    source     reading exactly, with offsets for error texts
    legacy     the stream formats of Disco 0.4 and before, read only
    partition  key -> label, the same number in every process and language

Only the standard library is needed; zstd and lz4 are used where they can be imported. Pickled and marshalled
hunks are for data of one's own cluster only: unpickling runs code that the data names.
"""
