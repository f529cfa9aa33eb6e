package discotest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/protocol"
)

// converse plays Disco for a worker whose requests are all known before.
func converse(disc *discotest.Disco, requests string) (*discotest.Result, string, error) {
	var answers bytes.Buffer
	result, err := disc.Converse(strings.NewReader(requests), &answers)
	return result, answers.String(), err
}

const begin = "WORKER 25 {\"version\":\"1.0\",\"pid\":1}\nTASK 2 \"\"\n"

func TestTheScriptAnswers(t *testing.T) {
	task := discotest.Task{Inputs: []discotest.Input{
		{ID: 1, Replicas: []string{"raw://a"}, Spare: []string{"raw://b"}, WaitSeconds: 2, Made: []string{"raw://c"}},
		{ID: 2, Replicas: []string{"raw://d"}, FromPoll: 2, Busy: 1},
	}}
	disc := &discotest.Disco{Tasks: []discotest.Task{task}, Home: t.TempDir(), Piece: 3}
	requests := begin + "INPUT 2 \"\"\nINPUT 2 \"\"\nINPUT 15 [\"exclude\",[1]]\nINPUT_ERR 7 [1,[0]]\nINPUT_ERR 7 [1,[1]]\n" +
		"INPUT 15 [\"include\",[1]]\nINPUT_ERR 7 [1,[2]]\nINPUT_ERR 7 [9,[0]]\nMSG 4 \"hi\"\nDONE 2 \"\"\n"
	result, answers, err := converse(disc, requests)
	if err != nil || len(result.Requests) != 12 || result.Ending != (protocol.Done{}) || result.Messages[0] != "hi" {
		t.Errorf("%v, %d requests, %v", err, len(result.Requests), result.Ending)
	}
	_, answers, _ = strings.Cut(answers, "}\n")
	want := "INPUT 35 [\"more\",[[1,\"ok\",[[0,\"raw://a\"]]]]]\n" +
		"INPUT 49 [\"done\",[[1,\"ok\",[[0,\"raw://a\"]]],[2,\"busy\",[]]]]\n" +
		"INPUT 35 [\"done\",[[2,\"ok\",[[0,\"raw://d\"]]]]]\n" +
		"RETRY 15 [[1,\"raw://b\"]]\nWAIT 1 2\nINPUT 35 [\"done\",[[1,\"ok\",[[2,\"raw://c\"]]]]]\n" +
		"FAIL 2 \"\"\nFAIL 2 \"\"\nOK 4 \"ok\"\nOK 4 \"ok\"\n"
	if answers != want {
		t.Errorf("answered\n%s\nnot\n%s", answers, want)
	}
}

func TestAWorkerThatBreaksTheProtocolIsFound(t *testing.T) {
	for requests, want := range map[string]error{
		"hello\n":                            &protocol.FrameError{},
		"TASK 2 \"\"\n":                      &protocol.MessageError{},
		begin + "NEVER 2 \"\"\n":             &protocol.MessageError{},
		begin + "DONE 2 \"":                  &protocol.FrameError{},
		begin + "DONE 2 \"\"\nPING 2 \"\"\n": &protocol.MessageError{},
	} {
		disc := &discotest.Disco{Tasks: []discotest.Task{{}}, Home: t.TempDir()}
		_, _, err := converse(disc, requests)
		var frame *protocol.FrameError
		var message *protocol.MessageError
		_, isFrame := want.(*protocol.FrameError)
		if errors.As(err, &frame) != isFrame || errors.As(err, &message) == isFrame {
			t.Errorf("%q: %v", requests, err)
		}
	}
}

func TestAnOutputThatIsNotThereIsFound(t *testing.T) {
	disc := &discotest.Disco{Tasks: []discotest.Task{{}}, Home: t.TempDir()}
	if _, _, err := converse(disc, begin+"OUTPUT 18 [\"gone\",\"part\",0]\n"); err == nil {
		t.Error("it is taken")
	}
}

func TestATaskIsNeeded(t *testing.T) {
	worker := &disco.Worker{Task: func(context.Context, *disco.Task) error { return nil }, Out: io.Discard}
	if _, err := (&discotest.Disco{Home: t.TempDir()}).Play(context.Background(), worker); err == nil {
		t.Error("none is handed out")
	}
}
