package protocol

import (
	"fmt"
	"strconv"
)

// Limits of a frame.
const (
	MaxNameBytes      = 10
	MaxPayloadBytes   = 100 << 20
	MaxLastWordsBytes = 100 << 10
)

// Frame is one frame as it was on the wire, without its length.
type Frame struct {
	Name    string
	Payload []byte
}

// AppendFrame appends the bytes of a frame to dst.
func AppendFrame(dst []byte, name string, payload []byte) ([]byte, error) {
	if !legalName(name) || len(payload) > MaxPayloadBytes {
		return dst, fmt.Errorf("frame %q with a payload of %d bytes cannot be sent: a name has 1 to %d of A-Z "+
			"and _, a payload at most %d bytes", name, len(payload), MaxNameBytes, MaxPayloadBytes)
	}
	dst = append(dst, name...)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(len(payload)), 10)
	dst = append(dst, ' ')
	dst = append(dst, payload...)
	return append(dst, '\n'), nil
}

func legalName(name string) bool {
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return name != "" && len(name) <= MaxNameBytes
}

func isNameByte(b byte) bool { return 'A' <= b && b <= 'Z' || b == '_' }

// FrameReader turns pieces of a byte stream into frames: Feed what was read, then call Next until it has no
// frame. It is a prefix machine: the first byte that cannot stand where it stands decides the fault, so the same
// bytes give the same frames and the same fault however they were split.
//
// Invariant: no byte of a payload is looked at twice, so that a frame costs time proportional to its length even
// when it arrives in small pieces. Once a fault is found it stays.
type FrameReader struct {
	buffer  []byte
	start   int    // of the frame being read
	header  header // of the frame being read, once it is whole
	failure *FrameError
}

// header has offsets from the start of its frame; end is 0 while it is unknown.
type header struct {
	name       string
	start, end int // of the payload
}

// Feed takes in what was read. It invalidates the payloads of earlier frames. After a fault it keeps the bytes as
// last words, up to MaxLastWordsBytes.
func (r *FrameReader) Feed(data []byte) {
	if r.failure != nil {
		left := max(0, MaxLastWordsBytes-len(r.buffer))
		r.buffer = append(r.buffer, data[:min(len(data), left)]...)
		return
	}
	if r.start > 0 {
		r.buffer = r.buffer[:copy(r.buffer, r.buffer[r.start:])]
		r.start = 0
	}
	r.buffer = append(r.buffer, data...)
}

// Next gives the next whole frame; ok is false when more bytes are needed. The payload is valid until the next
// Feed. The error, a *FrameError, is given again for ever.
func (r *FrameReader) Next() (frame Frame, ok bool, err error) {
	if r.failure != nil {
		return Frame{}, false, r.failure
	}
	rest := r.buffer[r.start:]
	if r.header.end == 0 {
		found, fault, reason := scanHeader(rest)
		if fault != "" {
			return Frame{}, false, r.fail(fault, reason)
		}
		if found.end == 0 {
			return Frame{}, false, nil
		}
		r.header = found
	}
	h := r.header
	if len(rest) <= h.end {
		return Frame{}, false, nil
	}
	if rest[h.end] != '\n' {
		return Frame{}, false, r.fail(FaultTerminator, fmt.Sprintf("a line feed must follow the %d bytes of "+
			"payload that %s announced, not %s (lengths count bytes, not characters)",
			h.end-h.start, h.name, quoted(rest[h.end:h.end+1])))
	}
	r.start += h.end + 1
	r.header = header{}
	return Frame{Name: h.name, Payload: rest[h.start:h.end:h.end]}, true, nil
}

// End says that no byte will follow. It is a *FrameError when a frame was left unfinished.
func (r *FrameReader) End() error {
	if r.failure == nil && r.Unfinished() {
		return r.fail(FaultTruncated, "the stream ended in the middle of a frame")
	}
	if r.failure != nil {
		return r.failure
	}
	return nil
}

// Unfinished says that bytes have come which Next has not given out: after it had no frame, the start of one.
func (r *FrameReader) Unfinished() bool { return len(r.buffer) > r.start }

// LastWords are the bytes that came instead of a frame, from the start of the frame that broke.
func (r *FrameReader) LastWords() []byte {
	rest := r.buffer[r.start:]
	return rest[:min(len(rest), MaxLastWordsBytes)]
}

func (r *FrameReader) fail(fault Fault, reason string) error {
	r.buffer = append([]byte(nil), r.LastWords()...)
	r.start = 0
	r.failure = &FrameError{Fault: fault, Reason: reason, Bytes: r.buffer[:len(r.buffer):len(r.buffer)]}
	return r.failure
}

// scanHeader reads `NAME SP LENGTH SP`. Without a fault, found.end is 0 when only more bytes can tell.
func scanHeader(b []byte) (found header, fault Fault, reason string) {
	i := 0
	for ; i < len(b) && b[i] != ' '; i++ {
		if !isNameByte(b[i]) {
			return found, FaultName, "a name has only A-Z and _, not " + quoted(b[i:i+1])
		}
		if i == MaxNameBytes {
			return found, FaultName, fmt.Sprintf("a name has at most %d bytes", MaxNameBytes)
		}
	}
	if i == len(b) {
		return found, "", ""
	}
	if i == 0 {
		return found, FaultName, "the name is missing"
	}
	length, digits, fault, reason := scanLength(b[i+1:])
	if fault != "" || i+1+digits == len(b) {
		return found, fault, reason
	}
	start := i + 1 + digits + 1
	return header{name: string(b[:i]), start: start, end: start + length}, "", ""
}

// scanLength reads a decimal number up to a space; digits is len(b) when the space has not come.
func scanLength(b []byte) (length, digits int, fault Fault, reason string) {
	for ; digits < len(b) && b[digits] != ' '; digits++ {
		digit := b[digits]
		switch {
		case digit < '0' || digit > '9':
			return 0, 0, FaultLength, "a length has only digits, not " + quoted(b[digits:digits+1])
		case digits > 0 && length == 0:
			return 0, 0, FaultLength, "a length has no leading zero"
		}
		length = length*10 + int(digit-'0')
		if length > MaxPayloadBytes {
			return 0, 0, FaultTooLarge, fmt.Sprintf("a payload has at most %d bytes, the length begins with %d",
				MaxPayloadBytes, length)
		}
	}
	if digits == 0 && len(b) > 0 {
		return 0, 0, FaultLength, "the length is missing"
	}
	return length, digits, "", ""
}
