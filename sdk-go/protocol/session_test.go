package protocol_test

import (
	"errors"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"discoproject.org/disco/sdk-go/protocol"
)

var aTask = protocol.TaskInfo{
	Host: "node1", Master: "http://master:8989", JobName: "j@1:2:3", TaskID: 1, Mode: protocol.Map,
	DiscoPort: 8989, PutPort: 8990, DiscoData: "/data", DDFSData: "/ddfs", JobFile: "/data/jobfile",
}

// conversation is a whole task with every kind of reply.
var conversation = []struct {
	say    protocol.Request
	answer protocol.Reply
}{
	{protocol.Worker{PID: 7, Reuse: true}, protocol.OK{}},
	{protocol.Ping{}, protocol.OK{}},
	{protocol.TaskRequest{}, aTask},
	{protocol.InputRequest{}, protocol.InputReply{More: true}},
	{protocol.InputErr{InputID: 1, ReplicaIDs: []int64{2}}, protocol.Wait{Seconds: 1}},
	{protocol.InputErr{InputID: 1, ReplicaIDs: []int64{2}}, protocol.Retry{Replicas: []protocol.Replica{{ID: 3, URL: "raw://"}}}},
	{protocol.InputErr{InputID: 1, ReplicaIDs: []int64{3}}, protocol.Fail{}},
	{protocol.Msg{Text: "é"}, protocol.OK{}},
	{protocol.Output{Location: "out/x", Type: protocol.TypePart, Label: 3}, protocol.OK{}},
	{protocol.Done{}, aTask},
	{protocol.InputRequest{Select: protocol.Exclude, IDs: []int64{4}}, protocol.InputReply{}},
	{protocol.Done{}, protocol.OK{}},
}

// pass sends a message from one end to the other, byte by byte.
func pass(t *testing.T, from, to *protocol.Session, message protocol.Message) {
	t.Helper()
	data, err := from.Send(message)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		if got, err := to.Next(); got != nil || err != nil {
			t.Fatalf("%#v before its end: %v %v", message, got, err)
		}
		to.Receive(data[i : i+1])
	}
	got, err := to.Next()
	if err != nil || got.Name() != message.Name() {
		t.Fatalf("%#v arrived as %#v, %v", message, got, err)
	}
	if from.State() != to.State() || from.Owed() != to.Owed() {
		t.Fatalf("the ends disagree: %v and %d, %v and %d", from.State(), from.Owed(), to.State(), to.Owed())
	}
}

func TestWholeConversation(t *testing.T) {
	worker, disco := protocol.NewSession(protocol.RoleWorker), protocol.NewSession(protocol.RoleDisco)
	for _, turn := range conversation {
		pass(t, worker, disco, turn.say)
		pass(t, disco, worker, turn.answer)
	}
	if !worker.Ended() || !disco.Ended() || worker.State() != protocol.Finished {
		t.Errorf("not ended, but %v", worker.State())
	}
	worker.ReceiveEnd()
	if _, err := worker.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

func TestPipelining(t *testing.T) {
	worker, disco := protocol.NewSession(protocol.RoleWorker), protocol.NewSession(protocol.RoleDisco)
	for _, turn := range conversation[:3] {
		pass(t, worker, disco, turn.say)
	}
	for _, turn := range conversation[:3] {
		pass(t, disco, worker, turn.answer)
	}
}

func TestRequestsOutOfOrder(t *testing.T) {
	for _, after := range []struct {
		said []protocol.Request
		not  []protocol.Request
	}{
		{nil, []protocol.Request{protocol.TaskRequest{}, protocol.Ping{}, protocol.Done{}, protocol.Fatal{}}},
		{[]protocol.Request{protocol.Worker{PID: 1}}, []protocol.Request{protocol.Worker{PID: 1}, protocol.InputRequest{}, protocol.Done{}}},
		{[]protocol.Request{protocol.Worker{PID: 1}, protocol.Fatal{}}, []protocol.Request{protocol.Msg{}, protocol.Fatal{}}},
	} {
		for _, request := range after.not {
			worker, disco := protocol.NewSession(protocol.RoleWorker), protocol.NewSession(protocol.RoleDisco)
			for _, said := range after.said {
				pass(t, worker, disco, said)
			}
			var outOfTurn *protocol.OutOfTurnError
			if _, err := worker.Send(request); !errors.As(err, &outOfTurn) {
				t.Errorf("%#v after %v can be sent: %v", request, after.said, err)
			}
			data, err := protocol.Append(nil, request)
			if err != nil {
				t.Fatal(err)
			}
			disco.Receive(data)
			var bad *protocol.MessageError
			if _, err := disco.Next(); !errors.As(err, &bad) {
				t.Errorf("%#v after %v is taken: %v", request, after.said, err)
			}
		}
	}
}

func TestRepliesThatAnswerNothing(t *testing.T) {
	for _, test := range []struct {
		asked  protocol.Request
		answer string
	}{
		{nil, "OK 4 \"ok\"\n"},
		{protocol.Worker{PID: 1}, "FAIL 2 \"\"\n"},
		{protocol.Worker{PID: 1}, "NEVER 2 \"\"\n"},
		{protocol.Worker{PID: 1}, "MSG 2 \"\"\n"},
	} {
		worker := protocol.NewSession(protocol.RoleWorker)
		if test.asked != nil {
			if _, err := worker.Send(test.asked); err != nil {
				t.Fatal(err)
			}
		}
		worker.Receive([]byte(test.answer))
		var bad *protocol.MessageError
		if _, err := worker.Next(); !errors.As(err, &bad) {
			t.Errorf("%q after %v is taken: %v", test.answer, test.asked, err)
		}
	}
}

func TestNoTaskAfterDoneWithoutReuse(t *testing.T) {
	worker, disco := protocol.NewSession(protocol.RoleWorker), protocol.NewSession(protocol.RoleDisco)
	pass(t, worker, disco, protocol.Worker{PID: 1})
	pass(t, disco, worker, protocol.OK{})
	pass(t, worker, disco, protocol.TaskRequest{})
	pass(t, disco, worker, aTask)
	pass(t, worker, disco, protocol.Done{})
	if _, err := disco.Send(aTask); err == nil {
		t.Error("TASK can answer DONE")
	}
	pass(t, disco, worker, protocol.OK{})
}

func TestFatalCanBeSaidOfABadTaskAfterDone(t *testing.T) {
	worker, disco := protocol.NewSession(protocol.RoleWorker), protocol.NewSession(protocol.RoleDisco)
	pass(t, worker, disco, protocol.Worker{PID: 1, Reuse: true})
	pass(t, disco, worker, protocol.OK{})
	pass(t, worker, disco, protocol.TaskRequest{})
	pass(t, disco, worker, aTask)
	pass(t, worker, disco, protocol.Done{})
	if _, err := worker.Send(protocol.Fatal{Text: "no"}); err == nil {
		t.Error("FATAL can be said after DONE")
	}
	worker.Receive([]byte("TASK 2 {}\n"))
	if _, err := worker.Next(); err == nil {
		t.Fatal("half a TASK is taken")
	}
	if _, err := worker.Send(protocol.Fatal{Text: "no"}); err != nil {
		t.Error(err)
	}
}

func TestFatalCanBeSaidAndAnsweredAfterABadMessage(t *testing.T) {
	worker := protocol.NewSession(protocol.RoleWorker)
	if _, err := worker.Send(protocol.Worker{PID: 1}); err != nil {
		t.Fatal(err)
	}
	worker.Receive([]byte("OK 3 nil\nOK 4 \"ok\"\n"))
	if _, err := worker.Next(); err == nil {
		t.Fatal("a payload that is no JSON is taken")
	}
	if _, err := worker.Send(protocol.Fatal{Text: "no"}); err != nil {
		t.Fatal(err)
	}
	if reply, err := worker.Next(); err != nil || reply == nil || !worker.Ended() {
		t.Errorf("%v %v", reply, err)
	}
}

// The package decides; it never does anything.
func TestPackageImportsNothingThatActs(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if matched, _ := filepath.Match("*_test.go", file); matched {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range parsed.Imports {
			path, _ := strconv.Unquote(one.Path.Value)
			if slices.Contains([]string{"os", "net", "net/http", "time", "syscall", "sync", "context", "math/rand"}, path) {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}
