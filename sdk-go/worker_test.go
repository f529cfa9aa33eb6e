package disco_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/protocol"
	"discoproject.org/disco/sdk-go/record"
)

// echo writes all inputs as one output.
func echo(ctx context.Context, task *disco.Task) error {
	out, err := task.Output()
	if err != nil {
		return err
	}
	for input, err := range task.Inputs(ctx) {
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, input.Open(ctx)); err != nil {
			return err
		}
	}
	return nil
}

func raw(urls ...string) discotest.Task {
	var task discotest.Task
	for i, url := range urls {
		task.Inputs = append(task.Inputs, discotest.Input{ID: int64(i), Replicas: []string{url}})
	}
	return task
}

func ending(result *discotest.Result) string {
	if result.Ending == nil {
		return ""
	}
	return result.Ending.Name()
}

func TestATaskHoweverTheBytesCome(t *testing.T) {
	for _, piece := range []int{0, 1, 2, 7} {
		disc := &discotest.Disco{Tasks: []discotest.Task{raw("raw://a%20b", "raw://", "raw://%C3%A9")}, Piece: piece}
		result := disc.Run(t, &disco.Worker{Task: echo})
		if result.Err != nil || ending(result) != "DONE" || string(result.Disco()) != "a bé" {
			t.Errorf("in pieces of %d: %q, %s, %v", piece, result.Disco(), ending(result), result.Err)
		}
	}
}

func TestReuse(t *testing.T) {
	tasks := []discotest.Task{raw("raw://a"), raw("raw://b"), raw("raw://c")}
	result := discotest.Run(t, &disco.Worker{Task: echo}, tasks...)
	if string(result.Disco()) != "abc" || len(result.Outputs) != 3 || result.Err != nil {
		t.Errorf("%q in %d outputs, %v", result.Disco(), len(result.Outputs), result.Err)
	}
	result = discotest.Run(t, &disco.Worker{Task: echo, NoReuse: true}, tasks...)
	if string(result.Disco()) != "a" || result.Err != nil {
		t.Errorf("without reuse: %q, %v", result.Disco(), result.Err)
	}
}

func TestWhatDiscoIsToldOfErrors(t *testing.T) {
	for name, test := range map[string]struct {
		task   func(context.Context, *disco.Task) error
		ending string
		kind   error
		text   string
	}{
		"fatal":        {fails(disco.Fatalf("no such column: %w", fs.ErrNotExist)), "FATAL", disco.ErrFatal, "no such column"},
		"elsewhere":    {fails(disco.Elsewheref("the licence server is down")), "ERROR", disco.ErrElsewhere, "licence"},
		"of its own":   {fails(errors.New("a row without a name")), "FATAL", disco.ErrFatal, "a row"},
		"of the disk":  {fails(&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}), "ERROR", disco.ErrElsewhere, "/x"},
		"of data":      {fails(&record.DataError{URL: "disco://a/b", Reason: "cut"}), "ERROR", disco.ErrElsewhere, "disco://a/b"},
		"wrapped":      {fails(fmt.Errorf("row 3: %w", disco.Elsewheref("gone"))), "ERROR", disco.ErrElsewhere, "row 3"},
		"panic":        {func(context.Context, *disco.Task) error { panic("café") }, "FATAL", disco.ErrFatal, "panic: café"},
		"panic(error)": {func(context.Context, *disco.Task) error { var none []int; none[len(none)] = 1; return nil }, "FATAL", disco.ErrFatal, "index out of range"},
		"goexit":       {func(context.Context, *disco.Task) error { runtime.Goexit(); return nil }, "FATAL", disco.ErrFatal, "Goexit"},
	} {
		t.Run(name, func(t *testing.T) {
			result := discotest.Run(t, &disco.Worker{Task: test.task}, discotest.Task{})
			if ending(result) != test.ending || !errors.Is(result.Err, test.kind) {
				t.Errorf("told %s, returned %v", ending(result), result.Err)
			}
			if !strings.Contains(result.Text(), test.text) {
				t.Errorf("the text is %q", result.Text())
			}
		})
	}
}

func fails(err error) func(context.Context, *disco.Task) error {
	return func(context.Context, *disco.Task) error { return err }
}

func TestLongTextsAreCut(t *testing.T) {
	result := discotest.Run(t, &disco.Worker{Task: fails(errors.New(strings.Repeat("é", 100_000)))}, discotest.Task{})
	if len(result.Text()) > 20_000 || !strings.Contains(result.Text(), "bytes more") {
		t.Errorf("%d bytes were told", len(result.Text()))
	}
}

// everyRequest makes a request of each kind.
func everyRequest(ctx context.Context, task *disco.Task) error {
	if err := errors.Join(task.Say("hello"), task.Ping()); err != nil {
		return err
	}
	return echo(ctx, task)
}

var requests = []string{"WORKER", "TASK", "MSG", "PING", "INPUT", "OUTPUT", "DONE"}

func TestDiscoClosesThePipe(t *testing.T) {
	for _, name := range requests {
		for _, said := range []string{"", "OK 400 \"o"} {
			disc := &discotest.Disco{Tasks: []discotest.Task{raw("raw://a")}, Instead: func(request protocol.Request) *discotest.Instead {
				if request.Name() == name {
					return &discotest.Instead{Bytes: []byte(said), Close: true}
				}
				return nil
			}}
			result := disc.Run(t, &disco.Worker{Task: everyRequest})
			if result.Err == nil {
				t.Errorf("closed at %s after %q: the worker saw no error", name, said)
			}
			if said == "" && !errors.Is(result.Err, disco.ErrDisconnected) {
				t.Errorf("closed at %s: %v", name, result.Err)
			}
		}
	}
}

func TestDiscoDoesNotAnswer(t *testing.T) {
	limits := disco.Settings{ReplyTimeout: 50 * time.Millisecond, FrameTimeout: 50 * time.Millisecond, Grace: time.Millisecond}
	for _, said := range []string{"", "INPUT 300 [\"do"} {
		slow := limits
		if said == "" {
			slow.FrameTimeout = time.Hour
		} else {
			slow.ReplyTimeout = time.Hour
		}
		for _, name := range requests {
			disc := &discotest.Disco{Tasks: []discotest.Task{raw("raw://a")}, Instead: func(request protocol.Request) *discotest.Instead {
				if request.Name() == name {
					return &discotest.Instead{Bytes: []byte(said)}
				}
				return nil
			}}
			result := disc.Run(t, &disco.Worker{Task: everyRequest, Settings: slow})
			if !errors.Is(result.Err, disco.ErrDisconnected) {
				t.Errorf("%q at %s: %v", said, name, result.Err)
			}
		}
	}
}

func TestNonsenseFromDisco(t *testing.T) {
	for said, want := range map[string]string{
		"hello\n":                    "ERROR",
		"OK 2 \"ok\"\n":              "ERROR",
		"OK 4 \"ok\" ":               "ERROR",
		"NEVER 2 \"\"\n":             "FATAL",
		"INPUT 4 nill\n":             "FATAL",
		"FAIL 2 \"\"\n":              "FATAL",
		"INPUT 9 [\"maybe\"]\n":      "FATAL",
		"INPUT 13 [\"done\",null]\n": "FATAL",
	} {
		disc := &discotest.Disco{Tasks: []discotest.Task{raw("raw://a")}, Instead: func(request protocol.Request) *discotest.Instead {
			if request.Name() == "INPUT" {
				return &discotest.Instead{Bytes: []byte(said)}
			}
			return nil
		}}
		// The script's own session still owes the answer to INPUT, so only what the worker says can be looked at.
		var last string
		instead := disc.Instead
		disc.Instead = func(request protocol.Request) *discotest.Instead {
			last = request.Name()
			if last == "ERROR" || last == "FATAL" {
				return &discotest.Instead{Bytes: []byte("OK 4 \"ok\"\n"), Close: true}
			}
			return instead(request)
		}
		result := disc.Run(t, &disco.Worker{Task: echo})
		if last != want || result.Err == nil {
			t.Errorf("%q was answered with %s (%v), not %s", said, last, result.Err, want)
		}
	}
}

func TestPingsOfALongTask(t *testing.T) {
	pinged := make(chan struct{}, 100)
	disc := &discotest.Disco{Tasks: []discotest.Task{{}}, Instead: func(request protocol.Request) *discotest.Instead {
		if request.Name() == "PING" {
			pinged <- struct{}{}
		}
		return nil
	}}
	worker := &disco.Worker{Settings: disco.Settings{PingInterval: time.Millisecond}, Task: func(context.Context, *disco.Task) error {
		<-pinged
		<-pinged
		return nil
	}}
	if result := disc.Run(t, worker); result.Err != nil || ending(result) != "DONE" {
		t.Errorf("%s, %v", ending(result), result.Err)
	}
}

func TestContextEndsWhenDiscoIsGone(t *testing.T) {
	disc := &discotest.Disco{Tasks: []discotest.Task{{}}, Instead: func(request protocol.Request) *discotest.Instead {
		if request.Name() == "MSG" {
			return &discotest.Instead{Bytes: []byte("OK 4 \"ok\"\n"), Close: true}
		}
		return nil
	}}
	var cause error
	result := disc.Run(t, &disco.Worker{Task: func(ctx context.Context, task *disco.Task) error {
		if err := task.Say("about to work"); err != nil {
			return err
		}
		<-ctx.Done()
		cause = context.Cause(ctx)
		return nil
	}})
	if !errors.Is(cause, disco.ErrDisconnected) || !errors.Is(result.Err, disco.ErrDisconnected) {
		t.Errorf("the task saw %v, Run returned %v", cause, result.Err)
	}
}

func TestCancelledWorkerSaysNothingMore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	toWorker, fromDisco := io.Pipe()
	toDisco, fromWorker := io.Pipe()
	stuck := make(chan struct{})
	defer close(stuck)
	worker := &disco.Worker{
		In: toWorker, Out: fromWorker, Home: t.TempDir(), Settings: disco.Settings{Grace: time.Millisecond},
		Task: func(context.Context, *disco.Task) error {
			cancel()
			<-stuck // a program that does not look at its context
			return nil
		},
	}
	ended := make(chan error, 1)
	go func() {
		err := worker.Run(ctx)
		_ = fromWorker.Close()
		ended <- err
	}()
	result, err := (&discotest.Disco{Tasks: []discotest.Task{{}}, Home: worker.Home}).Converse(toDisco, fromDisco)
	if err != nil || result.Ending != nil {
		t.Errorf("%v was said, %v", result.Ending, err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
	_ = fromDisco.Close()
}

func TestJobOfTheTask(t *testing.T) {
	var dict, data string
	task := discotest.Task{}
	task.JobFile = discotest.JobFile(t, dictOf(3), []byte("stop words"))
	result := discotest.Run(t, &disco.Worker{Task: func(_ context.Context, task *disco.Task) error {
		found, err := task.JobDict()
		if err != nil {
			return err
		}
		content, err := task.JobData()
		dict, data = fmt.Sprint(found.Partitions, found.Reduce), string(content)
		return err
	}}, task)
	if result.Err != nil || dict != "3 true" || data != "stop words" {
		t.Errorf("%q %q %v", dict, data, result.Err)
	}
}

func TestWorkerNeedsBothStreamsOrNone(t *testing.T) {
	if err := (&disco.Worker{Task: echo, In: strings.NewReader("")}).Run(context.Background()); err == nil {
		t.Error("In without Out is taken")
	}
	if err := (&disco.Worker{In: os.Stdin, Out: io.Discard}).Run(context.Background()); err == nil {
		t.Error("no Task is taken")
	}
}
