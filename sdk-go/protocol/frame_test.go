package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"discoproject.org/disco/sdk-go/internal/vectors"
	"discoproject.org/disco/sdk-go/protocol"
)

// read plays data in pieces of a size and gives all frames, and the fault that ended them ("" at a clean end).
func read(data []byte, piece int) (frames []string, fault protocol.Fault) {
	var reader protocol.FrameReader
	for start := 0; start <= len(data); start += piece {
		reader.Feed(data[start:min(start+piece, len(data))])
		for {
			frame, ok, err := reader.Next()
			if err != nil {
				return frames, faultOf(err)
			}
			if !ok {
				break
			}
			frames = append(frames, frame.Name+" "+string(frame.Payload))
		}
	}
	return frames, faultOf(reader.End())
}

func faultOf(err error) protocol.Fault {
	var frameError *protocol.FrameError
	if errors.As(err, &frameError) {
		return frameError.Fault
	}
	return ""
}

var pieces = []int{1 << 20, 1, 2, 3, 7}

func TestValidFrameVectors(t *testing.T) {
	expected := vectors.Files(t, "frames/valid", ".json")
	for name, data := range vectors.Files(t, "frames/valid", ".bin") {
		var want []struct{ Name, Payload string }
		if err := json.Unmarshal(expected[name], &want); err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, frame := range want {
			texts = append(texts, frame.Name+" "+frame.Payload)
		}
		for _, piece := range pieces {
			frames, fault := read(data, piece)
			if fault != "" || fmt.Sprint(frames) != fmt.Sprint(texts) {
				t.Errorf("%s in pieces of %d: got %q, fault %q; want %q", name, piece, frames, fault, texts)
			}
			_, fault = read(append(bytes.Clone(data), "PING"...), piece)
			if fault != protocol.FaultTruncated {
				t.Errorf("%s with a tail, in pieces of %d: fault %q", name, piece, fault)
			}
		}
	}
}

func TestInvalidFrameVectors(t *testing.T) {
	expected := vectors.Files(t, "frames/invalid", ".json")
	for name, data := range vectors.Files(t, "frames/invalid", ".bin") {
		var want struct{ Fault protocol.Fault }
		if err := json.Unmarshal(expected[name], &want); err != nil {
			t.Fatal(err)
		}
		for _, piece := range pieces {
			if _, fault := read(data, piece); fault != want.Fault {
				t.Errorf("%s in pieces of %d: fault %q, want %q", name, piece, fault, want.Fault)
			}
			if want.Fault == protocol.FaultTruncated {
				continue
			}
			if _, fault := read(append(bytes.Clone(data), "PING 2 \"\"\n"...), piece); fault != want.Fault {
				t.Errorf("%s with a tail, in pieces of %d: fault %q, want %q", name, piece, fault, want.Fault)
			}
		}
	}
}

func TestPayloadLimitOnBothSides(t *testing.T) {
	var reader protocol.FrameReader
	reader.Feed(fmt.Appendf(nil, "MSG %d ", protocol.MaxPayloadBytes))
	if _, _, err := reader.Next(); err != nil {
		t.Errorf("the largest length is refused: %v", err)
	}
	reader = protocol.FrameReader{}
	reader.Feed(fmt.Appendf(nil, "MSG %d", protocol.MaxPayloadBytes+1))
	if _, _, err := reader.Next(); faultOf(err) != protocol.FaultTooLarge {
		t.Errorf("a byte more: %v", err)
	}
	if _, err := protocol.AppendFrame(nil, "MSG", make([]byte, protocol.MaxPayloadBytes+1)); err == nil {
		t.Error("a payload over the limit can be sent")
	}
	for _, name := range []string{"", "ABCDEFGHIJK", "Msg", "A B"} {
		if _, err := protocol.AppendFrame(nil, name, nil); err == nil {
			t.Errorf("a frame can be called %q", name)
		}
	}
}

func TestFaultStaysAndLastWordsAreKept(t *testing.T) {
	var reader protocol.FrameReader
	reader.Feed([]byte("PING 2 \"\"\npanic: oh"))
	if _, ok, err := reader.Next(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	_, _, first := reader.Next()
	reader.Feed([]byte(" dear\n"))
	_, _, second := reader.Next()
	if first == nil || !errors.Is(second, first) {
		t.Errorf("the fault changed from %v to %v", first, second)
	}
	if got := string(reader.LastWords()); got != "panic: oh dear\n" {
		t.Errorf("last words %q", got)
	}
	reader.Feed(make([]byte, 2*protocol.MaxLastWordsBytes))
	if got := len(reader.LastWords()); got != protocol.MaxLastWordsBytes {
		t.Errorf("%d bytes of last words", got)
	}
}

func FuzzFrameReader(f *testing.F) {
	f.Add([]byte("PING 2 \"\"\nMSG 3 \"a\"\n"), 1)
	f.Add([]byte("Traceback (most recent call last):"), 3)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		whole, wholeFault := read(data, len(data)+1)
		parts, partsFault := read(data, min(max(piece, 1), 1000))
		if wholeFault != partsFault || fmt.Sprint(whole) != fmt.Sprint(parts) {
			t.Errorf("whole: %q %q; in pieces: %q %q", whole, wholeFault, parts, partsFault)
		}
	})
}
