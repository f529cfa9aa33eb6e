package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Fault says which rule of framing was broken: the first byte that could not stand where it stood decides.
type Fault string

// The faults that bytes can have.
const (
	FaultName       Fault = "name"
	FaultLength     Fault = "length"
	FaultTooLarge   Fault = "payload-too-large"
	FaultTerminator Fault = "terminator"
	FaultTruncated  Fault = "truncated"
)

// FrameError says that the bytes received are no frame. A stream that lost its framing has no next frame: a
// worker says so in ERROR where it can, and ends.
type FrameError struct {
	Fault  Fault
	Reason string
	// Bytes are those from the start of the broken frame on, at most MaxLastWordsBytes.
	Bytes []byte
}

func (e *FrameError) Error() string {
	return fmt.Sprintf("not a frame (%s): %s; received %s", e.Fault, e.Reason, quoted(e.Bytes))
}

// MessageError says that a well-formed frame must not be sent: its name is unknown, its payload has a wrong
// shape, or it is out of order. A worker answers with FATAL and ends.
type MessageError struct {
	Name   string // of the frame
	Reason string // what was expected and what came
}

func (e *MessageError) Error() string { return "bad message " + e.Name + ": " + e.Reason }

// ErrVersion is what errors.Is finds in the error of a worker that speaks another version of the protocol.
var ErrVersion = errors.New("another version of the protocol")

// VersionError is the MessageError of a WORKER that announces a version which is not spoken here.
type VersionError struct {
	Theirs string
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("bad message WORKER: the worker speaks protocol version %s, this end speaks %q",
		quoted(e.Theirs), Version)
}

// Unwrap makes errors.Is(err, ErrVersion) and errors.As with *MessageError true.
func (e *VersionError) Unwrap() []error {
	return []error{ErrVersion, &MessageError{Name: "WORKER", Reason: "another version of the protocol"}}
}

// OutOfTurnError says that this end tried to send what the session does not allow now: a bug on this side.
type OutOfTurnError struct {
	Name   string
	Reason string
}

func (e *OutOfTurnError) Error() string { return "cannot send " + e.Name + ": " + e.Reason }

// maxQuotedBytes is how much of what was received an error text shows.
const maxQuotedBytes = 200

// quoted shows a value in an error text: one line, of bounded length however long the value is.
func quoted(value any) string {
	var text string
	switch v := value.(type) {
	case []byte:
		text = fmt.Sprintf("%q", v[:min(len(v), maxQuotedBytes)])
	case string:
		text = fmt.Sprintf("%q", v[:min(len(v), maxQuotedBytes)])
	case []any:
		text = fmt.Sprintf("a list of %d", len(v))
		if len(v) <= 8 {
			text = jsonText(v)
		}
	case map[string]any:
		text = fmt.Sprintf("an object of %d keys", len(v))
		if len(v) <= 16 {
			text = jsonText(v)
		}
	default:
		text = jsonText(v)
	}
	if len(text) <= maxQuotedBytes {
		return text
	}
	text = text[:maxQuotedBytes]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}

func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%T", value)
	}
	return string(text)
}
