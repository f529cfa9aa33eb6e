// Package record is the record stream that flows between tasks and that DDFS chunks are stored in: what a worker in
// one language writes, a worker in any other can read.
//
// A stream is a run of hunks, each of about 1 MiB of records, compressed and with a checksum. There is no end mark:
// streams may be laid end to end and read as one. Here records are pairs of byte strings (the kv encoding); a record
// with an empty key is a bare entry, such as a line of a chunk. Hunks of the encodings that only Python can read are
// refused by name.
//
// A damaged hunk is a *DataError, which names the URL, the offset and the reason. Whole hunks before it have been
// given out: a reader that counts records can go on in another replica.
package record
