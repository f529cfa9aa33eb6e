package protocol_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"discoproject.org/disco/sdk-go/internal/vectors"
	"discoproject.org/disco/sdk-go/protocol"
)

type messageVector struct {
	From    protocol.Role
	Frame   string
	Base64  []byte `json:"frame_base64"`
	Payload any
}

func frameOf(t *testing.T, vector messageVector) protocol.Frame {
	t.Helper()
	var reader protocol.FrameReader
	reader.Feed(vector.Base64)
	reader.Feed([]byte(vector.Frame))
	frame, ok, err := reader.Next()
	if !ok || err != nil {
		t.Fatalf("the frame itself is not well-formed: %v", err)
	}
	return frame
}

func TestValidMessageVectors(t *testing.T) {
	for name, data := range vectors.Files(t, "messages/valid", ".json") {
		t.Run(name, func(t *testing.T) {
			var vector messageVector
			if err := json.Unmarshal(data, &vector); err != nil {
				t.Fatal(err)
			}
			message, err := protocol.Parse(frameOf(t, vector), vector.From)
			if err != nil {
				t.Fatal(err)
			}
			again, err := protocol.Append(nil, message)
			if err != nil {
				t.Fatal(err)
			}
			_, text, _ := strings.Cut(string(again), " ")
			_, text, _ = strings.Cut(text, " ")
			var payload any
			if err := json.Unmarshal([]byte(text), &payload); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(payload, vector.Payload) {
				t.Errorf("got %v, want %v", payload, vector.Payload)
			}
		})
	}
}

func TestInvalidMessageVectors(t *testing.T) {
	for name, data := range vectors.Files(t, "messages/invalid", ".json") {
		t.Run(name, func(t *testing.T) {
			var vector messageVector
			if err := json.Unmarshal(data, &vector); err != nil {
				t.Fatal(err)
			}
			frame := frameOf(t, vector)
			message, err := protocol.Parse(frame, vector.From)
			var bad *protocol.MessageError
			if !errors.As(err, &bad) {
				t.Fatalf("it is taken as %#v (error %v)", message, err)
			}
			if !strings.Contains(err.Error(), frame.Name) || len(err.Error()) > 1500 {
				t.Errorf("the text does not name the frame, or is long: %v", err)
			}
		})
	}
}

func TestBothVersionsAreNamed(t *testing.T) {
	frame := protocol.Frame{Name: "WORKER", Payload: []byte(`{"version": "1.1", "pid": 1}`)}
	_, err := protocol.Parse(frame, protocol.RoleWorker)
	if !errors.Is(err, protocol.ErrVersion) {
		t.Fatalf("%v is no ErrVersion", err)
	}
	for _, version := range []string{"1.0", "1.1"} {
		if !strings.Contains(err.Error(), version) {
			t.Errorf("%q does not name %s", err, version)
		}
	}
}

func TestMessagesKeepBytesThatHTMLWouldEscape(t *testing.T) {
	data, err := protocol.Append(nil, protocol.Msg{Text: "<a & é\n"})
	if err != nil || string(data) != "MSG 11 \"<a & é\\n\"\n" {
		t.Errorf("%q %v", data, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("INPUT", []byte(`["done", [[0, "ok", [[0, "raw://a"]]]]]`))
	f.Add("OUTPUT", []byte(`["a\ud83d\ude00", "part", "3"]`))
	f.Fuzz(func(t *testing.T, name string, payload []byte) {
		for _, role := range []protocol.Role{protocol.RoleWorker, protocol.RoleDisco} {
			message, err := protocol.Parse(protocol.Frame{Name: name, Payload: payload}, role)
			if err != nil {
				continue
			}
			data, err := protocol.Append(nil, message)
			if err != nil {
				t.Fatalf("%#v cannot be sent: %v", message, err)
			}
			var reader protocol.FrameReader
			reader.Feed(data)
			frame, _, err := reader.Next()
			if err != nil {
				t.Fatal(err)
			}
			again, err := protocol.Parse(frame, role)
			if err != nil || !reflect.DeepEqual(message, again) {
				t.Errorf("%#v became %#v (%v)", message, again, err)
			}
		}
	})
}
