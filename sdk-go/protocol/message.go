package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Version is the version of the protocol that is spoken here.
const Version = "1.0"

// Limits of what messages say.
const (
	MinWaitS         = 1
	MaxWaitS         = 60
	MaxLabel         = 1<<31 - 1
	MaxLocationBytes = 4096
	MaxPort          = 65535
)

// Role says who speaks.
type Role string

// The two ends of a conversation.
const (
	RoleWorker Role = "worker"
	RoleDisco  Role = "disco"
)

// Message is anything that either end can say. Two frame names, INPUT and TASK, are a request when a worker says
// them and a reply when Disco does: these are two types each.
type Message interface {
	// Name is the frame's name.
	Name() string
	// payload is what JSON has to say; "" for a message without content.
	payload() any
}

// Request is what a worker says.
type Request interface {
	Message
	request()
}

// Reply is what Disco answers.
type Reply interface {
	Message
	reply()
}

// Append appends the frame of a message to dst.
func Append(dst []byte, message Message) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(message.payload()); err != nil {
		return dst, fmt.Errorf("message %s: %w", message.Name(), err)
	}
	return AppendFrame(dst, message.Name(), bytes.TrimSuffix(text.Bytes(), []byte("\n")))
}

// Requests.
type (
	// Worker comes first and once. Reuse: this process can go on with another task after DONE.
	Worker struct {
		PID   int64
		Reuse bool
	}
	// TaskRequest asks for the task.
	TaskRequest struct{}
	// InputRequest asks for the inputs: all of them, all but some, or only some by their ids.
	InputRequest struct {
		Select Selection
		IDs    []int64
	}
	// InputErr says that these replicas of an input could not be read.
	InputErr struct {
		InputID    int64
		ReplicaIDs []int64
	}
	// Msg is text for the pages and the log.
	Msg struct{ Text string }
	// Output is a file of the job home (disco, part) or the name of a tag. Only parts have a label.
	Output struct {
		Location string
		Type     OutputType
		Label    int
	}
	// Ping asks whether anybody is there.
	Ping struct{}
	// Done says that the task is finished and its outputs are written.
	Done struct{}
	// Error says that the attempt failed and another one may succeed.
	Error struct{ Text string }
	// Fatal says that the job cannot succeed.
	Fatal struct{ Text string }
)

// Replies.
type (
	// OK means heard, whatever its payload.
	OK struct{}
	// TaskInfo is the task. Master is a URL; the last three are absolute paths on this node.
	TaskInfo struct {
		Host      string
		Master    string
		JobName   string
		TaskID    int
		Mode      Mode
		DiscoPort int
		PutPort   int
		DiscoData string
		DDFSData  string
		JobFile   string
	}
	// InputReply lists inputs. More: others may come, so poll again.
	InputReply struct {
		More   bool
		Inputs []InputEntry
	}
	// Retry names other replicas of the input that could not be read.
	Retry struct{ Replicas []Replica }
	// Wait says that replicas are being made: wait so long, then ask for the input again.
	Wait struct{ Seconds int }
	// Fail says that no replica is left.
	Fail struct{}
)

// Selection says which inputs are asked for.
type Selection string

// Selections. The zero value asks for all.
const (
	All     Selection = ""
	Exclude Selection = "exclude"
	Include Selection = "include"
)

// Mode is the phase of the job that a task belongs to.
type Mode string

// Modes.
const (
	Map    Mode = "map"
	Reduce Mode = "reduce"
)

// OutputType says what becomes of an output.
type OutputType string

// Output types.
const (
	TypeDisco OutputType = "disco"
	TypePart  OutputType = "part"
	TypeTag   OutputType = "tag"
)

// Status of an input.
type Status string

// Input statuses: ready to be read, being made (poll), thought to be lost.
const (
	StatusOK     Status = "ok"
	StatusBusy   Status = "busy"
	StatusFailed Status = "failed"
)

// Replica is one place where an input can be read. Lists of replicas are best first.
type Replica struct {
	ID  int64
	URL string
}

// InputEntry is one input of the task.
type InputEntry struct {
	ID       int64
	Status   Status
	Replicas []Replica
}

// Name of the frame.
func (Worker) Name() string       { return "WORKER" }
func (TaskRequest) Name() string  { return "TASK" }
func (InputRequest) Name() string { return "INPUT" }
func (InputErr) Name() string     { return "INPUT_ERR" }
func (Msg) Name() string          { return "MSG" }
func (Output) Name() string       { return "OUTPUT" }
func (Ping) Name() string         { return "PING" }
func (Done) Name() string         { return "DONE" }
func (Error) Name() string        { return "ERROR" }
func (Fatal) Name() string        { return "FATAL" }
func (OK) Name() string           { return "OK" }
func (TaskInfo) Name() string     { return "TASK" }
func (InputReply) Name() string   { return "INPUT" }
func (Retry) Name() string        { return "RETRY" }
func (Wait) Name() string         { return "WAIT" }
func (Fail) Name() string         { return "FAIL" }

func (Worker) request()       {}
func (TaskRequest) request()  {}
func (InputRequest) request() {}
func (InputErr) request()     {}
func (Msg) request()          {}
func (Output) request()       {}
func (Ping) request()         {}
func (Done) request()         {}
func (Error) request()        {}
func (Fatal) request()        {}

func (OK) reply()         {}
func (TaskInfo) reply()   {}
func (InputReply) reply() {}
func (Retry) reply()      {}
func (Wait) reply()       {}
func (Fail) reply()       {}

func (m Worker) payload() any {
	if m.Reuse {
		return map[string]any{"version": Version, "pid": m.PID, "reuse": true}
	}
	return map[string]any{"version": Version, "pid": m.PID}
}
func (TaskRequest) payload() any { return "" }
func (m InputRequest) payload() any {
	if m.Select == All {
		return ""
	}
	return []any{m.Select, list(m.IDs)}
}
func (m InputErr) payload() any { return []any{m.InputID, list(m.ReplicaIDs)} }
func (m Msg) payload() any      { return m.Text }
func (m Output) payload() any {
	if m.Type == TypePart {
		return []any{m.Location, m.Type, m.Label}
	}
	return []any{m.Location, m.Type}
}
func (Ping) payload() any    { return "" }
func (Done) payload() any    { return "" }
func (m Error) payload() any { return m.Text }
func (m Fatal) payload() any { return m.Text }
func (OK) payload() any      { return "ok" }
func (m TaskInfo) payload() any {
	return map[string]any{
		"host": m.Host, "master": m.Master, "jobname": m.JobName, "taskid": m.TaskID, "mode": m.Mode,
		"disco_port": m.DiscoPort, "put_port": m.PutPort,
		"disco_data": m.DiscoData, "ddfs_data": m.DDFSData, "jobfile": m.JobFile,
	}
}
func (m InputReply) payload() any {
	entries := make([]any, 0, len(m.Inputs))
	for _, entry := range m.Inputs {
		entries = append(entries, []any{entry.ID, entry.Status, pairs(entry.Replicas)})
	}
	flag := "done"
	if m.More {
		flag = "more"
	}
	return []any{flag, entries}
}
func (m Retry) payload() any { return pairs(m.Replicas) }
func (m Wait) payload() any  { return m.Seconds }
func (Fail) payload() any    { return "" }

// list is never null in JSON.
func list(ids []int64) []int64 {
	if ids == nil {
		return []int64{}
	}
	return ids
}

func pairs(replicas []Replica) []any {
	made := make([]any, 0, len(replicas))
	for _, replica := range replicas {
		made = append(made, []any{replica.ID, replica.URL})
	}
	return made
}
