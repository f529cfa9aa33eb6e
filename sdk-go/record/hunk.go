package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// Limits of a hunk.
const (
	// TargetRawBytes is how many bytes of records a Writer puts into a hunk.
	TargetRawBytes = 1 << 20
	// MaxRawBytes is the most that a hunk can hold.
	MaxRawBytes = 1 << 30

	headerBytes = 20
	// minCompressedBytes is how small a hunk is not worth the memory of a compressor.
	minCompressedBytes = 256
	magic              = 0xD1
	// maxGrowthBytes is what no codec exceeds the raw bytes by; a hunk that claims more is damaged.
	maxGrowthBytes = 1 << 20
)

const (
	encodingPickle  = 0
	encodingKV      = 1
	encodingMarshal = 2
)

// Record is a pair of byte strings. One with an empty key is a bare entry.
type Record struct {
	Key, Value []byte
}

// header is the fixed part of a hunk; all numbers are little-endian.
type header struct {
	encoding  uint8
	codec     Codec
	rawLen    uint32
	storedLen uint32
	records   uint32
	crc       uint32
}

func (h header) append(dst []byte) []byte {
	dst = append(dst, magic, h.encoding, byte(h.codec), 0)
	dst = binary.LittleEndian.AppendUint32(dst, h.rawLen)
	dst = binary.LittleEndian.AppendUint32(dst, h.storedLen)
	dst = binary.LittleEndian.AppendUint32(dst, h.records)
	return binary.LittleEndian.AppendUint32(dst, h.crc)
}

// parseHeader judges what cannot be true of a header, before memory is taken for what it claims.
func parseHeader(b []byte) (header, error) {
	h := header{
		encoding: b[1], codec: Codec(b[2]),
		rawLen: binary.LittleEndian.Uint32(b[4:]), storedLen: binary.LittleEndian.Uint32(b[8:]),
		records: binary.LittleEndian.Uint32(b[12:]), crc: binary.LittleEndian.Uint32(b[16:]),
	}
	switch {
	case b[0] != magic:
		return h, fmt.Errorf("a hunk begins with byte 0x%02X, not 0x%02X", magic, b[0])
	case b[3] != 0:
		return h, fmt.Errorf("byte 3 of the header is %d, not 0", b[3])
	case h.encoding > encodingMarshal:
		return h, fmt.Errorf("encoding number %d is unknown", h.encoding)
	case h.codec > LZ4:
		return h, fmt.Errorf("%v is unknown", h.codec)
	case h.rawLen > MaxRawBytes:
		return h, fmt.Errorf("a hunk has at most %d raw bytes, the header says %d", MaxRawBytes, h.rawLen)
	case h.storedLen > h.rawLen+maxGrowthBytes:
		return h, fmt.Errorf("%d stored bytes for %d raw ones", h.storedLen, h.rawLen)
	case h.records > h.rawLen:
		return h, fmt.Errorf("%d records in %d bytes", h.records, h.rawLen)
	}
	return h, nil
}

// Writer writes records as hunks. It does not close what it writes to.
type Writer struct {
	out     io.Writer
	target  int
	codec   *compressor
	raw     []byte
	records uint32
	head    []byte
	err     error
}

// NewWriter makes a Writer. It fails for a codec that cannot be written here.
func NewWriter(w io.Writer, codec Codec) (*Writer, error) {
	compressor, err := newCompressor(codec)
	if err != nil {
		return nil, err
	}
	return &Writer{out: w, codec: compressor, target: TargetRawBytes}, nil
}

// Sibling makes a Writer to another stream that shares this one's compressor, and so its memory: for programs that
// write many streams at a time. No two siblings may be used at once. Its hunks have at most target bytes of records.
func (w *Writer) Sibling(out io.Writer, target int) *Writer {
	return &Writer{out: out, codec: w.codec, target: min(max(target, 1), TargetRawBytes)}
}

// Write adds a record. The bytes are copied. After an error it gives the same error again.
func (w *Writer) Write(key, value []byte) error {
	if w.err != nil {
		return w.err
	}
	size := 8 + len(key) + len(value)
	if size > MaxRawBytes {
		return fmt.Errorf("a record of %d bytes is too big: a record stream takes at most %d", size, MaxRawBytes)
	}
	if len(w.raw) > 0 && len(w.raw)+size > w.target {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	w.raw = AppendKV(w.raw, key, value)
	w.records++
	return nil
}

// Flush writes what was added so far as a hunk. It is also how a stream ends.
func (w *Writer) Flush() error {
	if w.err != nil || w.records == 0 {
		return w.err
	}
	w.err = w.writeHunk()
	w.raw, w.records = w.raw[:0], 0
	if cap(w.raw) > 4*w.target {
		w.raw = nil
	}
	return w.err
}

func (w *Writer) writeHunk() error {
	codec, stored := None, w.raw
	if len(w.raw) >= minCompressedBytes {
		smaller, err := w.codec.compress(w.raw)
		if err != nil {
			return err
		}
		if len(smaller) < len(w.raw) {
			codec, stored = w.codec.codec, smaller
		}
	}
	h := header{
		encoding: encodingKV, codec: codec, rawLen: uint32(len(w.raw)), storedLen: uint32(len(stored)),
		records: w.records, crc: crc32.ChecksumIEEE(stored),
	}
	w.head = h.append(w.head[:0])
	if _, err := w.out.Write(w.head); err != nil {
		return err
	}
	_, err := w.out.Write(stored)
	return err
}

// AppendKV appends `klen u32 | key | vlen u32 | value` to dst.
func AppendKV(dst, key, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(key)))
	dst = append(dst, key...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// CutKV takes the first record off the front of b; ok is false when b does not hold it whole.
func CutKV(b []byte) (found Record, rest []byte, ok bool) {
	key, b, ok := cutField(b)
	if !ok {
		return Record{}, b, false
	}
	value, b, ok := cutField(b)
	return Record{key, value}, b, ok
}

func cutField(b []byte) (field, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, b, false
	}
	length := uint64(binary.LittleEndian.Uint32(b))
	b = b[4:]
	if length > uint64(len(b)) {
		return nil, b, false
	}
	return b[:length:length], b[length:], true
}
