package record

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
)

// DataError says that a stream is damaged: another replica of the data may be sound.
type DataError struct {
	URL    string
	Offset int64 // of the hunk that is damaged
	Reason string
	Err    error // the cause, if there is one
}

func (e *DataError) Error() string {
	return fmt.Sprintf("damaged records in %s, in the hunk at byte %d: %s", e.URL, e.Offset, e.Reason)
}

func (e *DataError) Unwrap() error { return e.Err }

// Reader reads the records of a stream one by one.
type Reader struct {
	in     io.Reader
	url    string
	offset int64 // of the hunk being read
	size   int64 // of that hunk, header and all
	rest   []byte
	left   uint32 // records
	stored []byte // kept for the next hunk
	raw    []byte
	err    error
}

// NewReader makes a Reader; url is for error texts. What it reads from should be buffered only if its reads are
// small: hunks are read whole.
func NewReader(r io.Reader, url string) *Reader {
	return &Reader{in: r, url: url}
}

// Read gives the next record, whose bytes are valid until the next Read, or io.EOF at the end of the stream, or a
// *DataError. Errors of the source come as they are, except that an end inside a hunk is a *DataError.
func (r *Reader) Read() (Record, error) {
	for r.left == 0 {
		if r.err == nil {
			r.err = r.readHunk()
		}
		if r.err != nil {
			return Record{}, r.err
		}
	}
	found, rest, ok := CutKV(r.rest)
	if !ok {
		return Record{}, r.damage("a record does not end within the hunk", nil)
	}
	r.rest = rest
	r.left--
	if r.left == 0 && len(rest) > 0 {
		r.err = r.damage(fmt.Sprintf("%d bytes follow the last record", len(rest)), nil)
		return Record{}, r.err
	}
	return found, nil
}

// All gives the records one by one, and stops after an error. Their bytes are valid until the next one.
func (r *Reader) All() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			found, err := r.Read()
			if errors.Is(err, io.EOF) && !isDataError(err) {
				return
			}
			if !yield(found, err) || err != nil {
				return
			}
		}
	}
}

func isDataError(err error) bool {
	var damage *DataError
	return errors.As(err, &damage)
}

func (r *Reader) readHunk() error {
	r.offset += r.size
	r.size = 0
	var head [headerBytes]byte
	n, err := io.ReadFull(r.in, head[:])
	if n == 0 && errors.Is(err, io.EOF) {
		return io.EOF
	}
	if n > 0 && head[0] != magic {
		return r.damage(fmt.Sprintf("a hunk begins with byte 0x%02X, not 0x%02X", magic, head[0]), nil)
	}
	if err != nil {
		return r.cut(err)
	}
	h, err := parseHeader(head[:])
	if err != nil {
		return r.damage(err.Error(), nil)
	}
	if r.stored, err = readUpTo(r.in, int(h.storedLen), r.stored); err != nil {
		return r.cut(err)
	}
	r.size = headerBytes + int64(h.storedLen)
	return r.open(h)
}

// open makes the records of a hunk ready. All of them are checked first, so that a damaged hunk gives out none.
func (r *Reader) open(h header) error {
	if crc32.ChecksumIEEE(r.stored) != h.crc {
		return r.damage("the checksum does not match", nil)
	}
	if h.encoding != encodingKV {
		name := map[uint8]string{encodingPickle: "pickle", encodingMarshal: "marshal"}[h.encoding]
		return r.damage(name+" records can only be read by Python; write them as kv", nil)
	}
	raw, err := decompress(h.codec, r.stored, int(h.rawLen), r.raw)
	if err != nil {
		return r.damage(err.Error(), err)
	}
	if h.codec != None {
		r.raw = raw
	}
	if found, whole := countKV(raw); !whole || found != h.records {
		return r.damage(fmt.Sprintf("%d whole records where the header says %d", found, h.records), nil)
	}
	r.rest, r.left = raw, h.records
	return nil
}

func countKV(raw []byte) (records uint32, whole bool) {
	for len(raw) > 0 {
		var ok bool
		if _, raw, ok = CutKV(raw); !ok {
			return records, false
		}
		records++
	}
	return records, true
}

func (r *Reader) damage(reason string, cause error) error {
	return &DataError{URL: r.url, Offset: r.offset, Reason: reason, Err: cause}
}

func (r *Reader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.damage("the stream ends inside the hunk", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("reading records of %s: %w", r.url, err)
}
