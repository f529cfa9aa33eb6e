package discotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/protocol"
)

// runTimeout is how long Run waits for a worker.
const runTimeout = time.Minute

// Disco is the other end of a worker's pipes.
type Disco struct {
	// Tasks are handed out one after the other; more than one only to a worker that announces reuse.
	Tasks []Task
	// Piece is how many bytes are written at a time; 0 is all of an answer.
	Piece int
	// Instead may say something else than the script has for a request, whose answer it is not; nil leaves the answer
	// to the script.
	Instead func(request protocol.Request) *Instead
	// Home is where the worker writes.
	Home string
}

// Instead is said in place of an answer: bytes, or nothing, and then perhaps the end.
type Instead struct {
	Bytes []byte
	Close bool
}

// Output is what the worker has told of an output. Data is read when it tells.
type Output struct {
	protocol.Output
	Data []byte
}

// Result is what a worker did.
type Result struct {
	Requests []protocol.Request
	Outputs  []Output
	Messages []string         // of MSG
	Ending   protocol.Request // Done, Error or Fatal; nil if there was none
	Err      error            // what the worker's Run returned
}

// Disco gives the data of the outputs of type disco, one after the other.
func (r *Result) Disco() []byte { return r.data(protocol.TypeDisco, 0) }

// Part gives the data of the outputs with a label, one after the other.
func (r *Result) Part(label int) []byte { return r.data(protocol.TypePart, label) }

func (r *Result) data(kind protocol.OutputType, label int) []byte {
	var data []byte
	for _, output := range r.Outputs {
		if output.Type == kind && output.Label == label {
			data = append(data, output.Data...)
		}
	}
	return data
}

// Text is what Error or Fatal said at the end.
func (r *Result) Text() string {
	switch ending := r.Ending.(type) {
	case protocol.Error:
		return ending.Text
	case protocol.Fatal:
		return ending.Text
	}
	return ""
}

// Run runs a worker on tasks, in a directory of the test's own. The test fails if the worker breaks the protocol.
func Run(t testing.TB, worker *disco.Worker, tasks ...Task) *Result {
	t.Helper()
	return (&Disco{Tasks: tasks, Home: t.TempDir()}).Run(t, worker)
}

// Run runs a worker. The test fails if it breaks the protocol.
func (d *Disco) Run(t testing.TB, worker *disco.Worker) *Result {
	t.Helper()
	if d.Home == "" {
		d.Home = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(context.Background(), runTimeout)
	defer cancel()
	result, err := d.Play(ctx, worker)
	if err != nil {
		t.Fatalf("the worker broke the protocol: %v (and ended with %v)", err, result.Err)
	}
	return result
}

// Play runs a worker in this process, in the directory Home. The error is how it broke the protocol; what the worker
// itself returned is in the result.
func (d *Disco) Play(ctx context.Context, worker *disco.Worker) (*Result, error) {
	toWorker, fromDisco := io.Pipe()
	toDisco, fromWorker := io.Pipe()
	own := *worker
	own.In, own.Out, own.Home = toWorker, fromWorker, d.Home
	ended := make(chan error, 1)
	go func() {
		err := own.Run(ctx)
		_ = fromWorker.CloseWithError(io.EOF)
		_ = toWorker.Close()
		ended <- err
	}()
	result, err := d.Converse(toDisco, fromDisco)
	_ = fromDisco.Close()
	_ = toDisco.Close()
	result.Err = <-ended
	return result, err
}

// Converse speaks with a worker, whose requests come from in, until it ends. It closes nothing.
func (d *Disco) Converse(in io.Reader, out io.Writer) (*Result, error) {
	if len(d.Tasks) == 0 {
		return &Result{}, errors.New("a Disco needs at least one task")
	}
	talk := &talk{disco: d, out: out, session: protocol.NewSession(protocol.RoleDisco), left: d.Tasks}
	buffer := make([]byte, 64<<10)
	for {
		message, err := talk.session.Next()
		if errors.Is(err, io.EOF) {
			return &talk.result, nil
		}
		if err != nil {
			return &talk.result, err
		}
		if request, is := message.(protocol.Request); is {
			if err := talk.answer(request); err != nil {
				if errors.Is(err, errClosed) {
					return &talk.result, nil
				}
				return &talk.result, err
			}
			continue
		}
		n, err := in.Read(buffer)
		talk.session.Receive(buffer[:n])
		if err != nil {
			talk.session.ReceiveEnd()
		}
	}
}

var errClosed = errors.New("the script closed the pipe")

// talk is one conversation.
type talk struct {
	disco   *Disco
	out     io.Writer
	session *protocol.Session
	left    []Task
	now     *script
	result  Result
}

func (t *talk) answer(request protocol.Request) error {
	t.result.Requests = append(t.result.Requests, request)
	if t.disco.Instead != nil {
		if instead := t.disco.Instead(request); instead != nil {
			t.note(request)
			if err := t.write(instead.Bytes); err != nil {
				return err
			}
			if instead.Close {
				return errClosed
			}
			return nil
		}
	}
	t.note(request)
	reply, err := t.replyTo(request)
	if err != nil {
		return err
	}
	data, err := t.session.Send(reply)
	if err != nil {
		return err
	}
	return t.write(data)
}

// note keeps what was said.
func (t *talk) note(request protocol.Request) {
	switch said := request.(type) {
	case protocol.Msg:
		t.result.Messages = append(t.result.Messages, said.Text)
	case protocol.Done, protocol.Error, protocol.Fatal:
		t.result.Ending = request
	}
}

func (t *talk) replyTo(request protocol.Request) (protocol.Reply, error) {
	switch said := request.(type) {
	case protocol.TaskRequest:
		if t.now != nil { // asked again
			return t.now.task.info(t.disco.Home), nil
		}
		return t.nextTask(), nil
	case protocol.InputRequest:
		return t.now.list(said), nil
	case protocol.InputErr:
		return t.now.inputErr(said), nil
	case protocol.Output:
		return protocol.OK{}, t.keep(said)
	case protocol.Done:
		if t.session.Reuse() && len(t.left) > 0 {
			return t.nextTask(), nil
		}
	}
	return protocol.OK{}, nil
}

func (t *talk) nextTask() protocol.Reply {
	task := t.left[0]
	t.left = t.left[1:]
	t.now = &script{task: task}
	return task.info(t.disco.Home)
}

// keep reads an output: it must be there, whole, when it is told.
func (t *talk) keep(said protocol.Output) error {
	output := Output{Output: said}
	if said.Type != protocol.TypeTag {
		data, err := os.ReadFile(filepath.Join(t.disco.Home, filepath.FromSlash(said.Location)))
		if err != nil {
			return fmt.Errorf("an output was told that is not there: %w", err)
		}
		output.Data = data
	}
	t.result.Outputs = append(t.result.Outputs, output)
	return nil
}

func (t *talk) write(data []byte) error {
	piece := t.disco.Piece
	if piece <= 0 {
		piece = max(1, len(data))
	}
	for len(data) > 0 {
		size := min(piece, len(data))
		if _, err := io.Copy(t.out, bytes.NewReader(data[:size])); err != nil {
			if errors.Is(err, io.ErrClosedPipe) {
				return errClosed // the worker has gone, and its requests were read
			}
			return err
		}
		data = data[size:]
	}
	return nil
}
