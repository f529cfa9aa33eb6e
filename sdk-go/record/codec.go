package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Codec is how the content of a hunk is compressed.
type Codec uint8

// Codecs, as hunk headers number them. LZ4 can be named here but neither read nor written.
const (
	None Codec = 0
	Zlib Codec = 1
	Zstd Codec = 2
	LZ4  Codec = 3
)

func (c Codec) String() string {
	names := []string{"none", "zlib", "zstd", "lz4"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("codec number %d", uint8(c))
}

var errCodecLacking = errors.New("this SDK lacks the codec; it has none, zlib and zstd")

// firstPieceBytes is how much memory is taken on a header's word alone; the rest is taken as bytes arrive.
const firstPieceBytes = 4 << 20

// compressor holds what one writer needs again and again.
type compressor struct {
	codec Codec
	out   bytes.Buffer
	zlib  *zlib.Writer
	zstd  *zstd.Encoder
}

func newCompressor(codec Codec) (*compressor, error) {
	if codec > Zstd {
		return nil, fmt.Errorf("%v: %w", codec, errCodecLacking)
	}
	return &compressor{codec: codec}, nil
}

// compress gives bytes that are valid until the next call. The machinery, which is large, is made by the first.
func (c *compressor) compress(raw []byte) ([]byte, error) {
	c.out.Reset()
	switch c.codec {
	case Zlib:
		return c.deflate(raw)
	case Zstd:
		if c.zstd == nil {
			var err error
			c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
			if err != nil {
				return nil, err
			}
		}
		return c.zstd.EncodeAll(raw, c.out.AvailableBuffer()), nil
	default:
		return raw, nil
	}
}

func (c *compressor) deflate(raw []byte) ([]byte, error) {
	if c.zlib == nil {
		// Level 1: a hunk is written and read once or twice, and level 2 costs more time than it saves.
		var err error
		if c.zlib, err = zlib.NewWriterLevel(&c.out, zlib.BestSpeed); err != nil {
			return nil, err
		}
	} else {
		c.zlib.Reset(&c.out)
	}
	if _, err := c.zlib.Write(raw); err != nil {
		return nil, err
	}
	err := c.zlib.Close()
	return c.out.Bytes(), err
}

// decompress gives exactly rawLen bytes, in into where they fit. It never takes much more memory than stored
// really decompresses to.
func decompress(codec Codec, stored []byte, rawLen int, into []byte) ([]byte, error) {
	source := bytes.NewReader(stored)
	switch codec {
	case None:
		if len(stored) != rawLen {
			return nil, fmt.Errorf("%d bytes where the header says %d", len(stored), rawLen)
		}
		return stored, nil
	case Zlib:
		reader, err := zlibReader(source)
		if err != nil {
			return nil, fmt.Errorf("zlib: %w", err)
		}
		defer zlibReaders.Put(reader)
		return inflate("zlib", reader, source, rawLen, into)
	case Zstd:
		decoder, _ := zstdDecoders.Get().(*zstd.Decoder)
		if decoder == nil {
			var err error
			if decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err != nil {
				return nil, fmt.Errorf("zstd: %w", err)
			}
		}
		defer zstdDecoders.Put(decoder)
		if err := decoder.Reset(source); err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return inflate("zstd", decoder, source, rawLen, into)
	default:
		return nil, fmt.Errorf("%v: %w", codec, errCodecLacking)
	}
}

// Decoders are kept for the next hunk: making one costs more than a small hunk.
var zlibReaders, zstdDecoders sync.Pool

func zlibReader(source io.Reader) (io.ReadCloser, error) {
	reader, _ := zlibReaders.Get().(io.ReadCloser)
	if resetter, is := reader.(zlib.Resetter); is {
		return reader, resetter.Reset(source, nil)
	}
	return zlib.NewReader(source)
}

func inflate(name string, reader io.Reader, source *bytes.Reader, rawLen int, into []byte) ([]byte, error) {
	raw, err := readUpTo(reader, rawLen, into)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s: %d bytes where the header says %d, or cut short", name, len(raw), rawLen)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var more [1]byte
	switch n, err := io.ReadFull(reader, more[:]); {
	case n > 0:
		return nil, fmt.Errorf("%s: more than the %d bytes that the header says", name, rawLen)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: %w", name, err)
	case source.Len() > 0:
		return nil, fmt.Errorf("%s: %d bytes follow the compressed data", name, source.Len())
	}
	return raw, nil
}

// readUpTo reads size bytes, in into where they fit, else in memory that grows as they arrive.
func readUpTo(reader io.Reader, size int, into []byte) ([]byte, error) {
	data := into[:0]
	if cap(data) < min(size, firstPieceBytes) {
		data = make([]byte, 0, min(size, firstPieceBytes))
	}
	for len(data) < size {
		if len(data) == cap(data) {
			grown := make([]byte, len(data), min(size, 2*cap(data)))
			copy(grown, data)
			data = grown
		}
		end := min(size, cap(data))
		n, err := io.ReadFull(reader, data[len(data):end])
		data = data[:len(data)+n]
		if err != nil {
			return data, err
		}
	}
	return data, nil
}
