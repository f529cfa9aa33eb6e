package record

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
)

// lineBufferBytes is the longest line that is given out without copying it.
const lineBufferBytes = 256 << 10

// Lines gives the lines of a stream without their line feeds (a carriage return before one stays), and stops after
// an error. The last line needs no line feed. The bytes of a line are valid until the next one.
func Lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buffered := bufio.NewReaderSize(r, lineBufferBytes)
		var long []byte
		for {
			line, err := buffered.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				long = append(long, line...)
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(nil, err)
				return
			}
			if len(long) > 0 {
				line = append(long, line...)
				long = long[:0]
			}
			if len(line) > 0 && !yield(bytes.TrimSuffix(line, []byte("\n")), nil) {
				return
			}
			if err != nil {
				return
			}
		}
	}
}
