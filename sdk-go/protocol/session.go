package protocol

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// State is what the worker has said so far; at the end, how its task ended.
type State string

// States of the worker.
const (
	Fresh     State = "fresh"
	Announced State = "announced"
	Running   State = "running"
	Finished  State = "done"
	Errored   State = "errored"
	Failed    State = "fatal"
)

// moves has what may be said in a state, and the state after it; "" means that the state stays.
type moves map[string]map[string]State

// tables has one table a version. The worker's states are above; the states of Disco are the requests that it
// may owe an answer to.
var tables = map[string]map[Role]moves{
	"1.0": {
		RoleWorker: {
			string(Fresh): {"WORKER": Announced},
			string(Announced): {
				"TASK": Running, "MSG": "", "PING": "", "ERROR": Errored, "FATAL": Failed,
			},
			string(Running): {
				"TASK": "", "INPUT": "", "INPUT_ERR": "", "OUTPUT": "", "MSG": "", "PING": "",
				"DONE": Finished, "ERROR": Errored, "FATAL": Failed,
			},
			string(Finished): {}, string(Errored): {}, string(Failed): {},
		},
		RoleDisco: {
			"WORKER": {"OK": ""}, "TASK": {"TASK": ""}, "INPUT": {"INPUT": ""},
			"INPUT_ERR": {"RETRY": "", "WAIT": "", "FAIL": ""},
			"MSG":       {"OK": ""}, "OUTPUT": {"OK": ""}, "PING": {"OK": ""},
			"DONE":  {"OK": "", "TASK": Running}, // TASK: only with reuse
			"ERROR": {"OK": ""}, "FATAL": {"OK": ""},
		},
	},
}

// Session is one end of a conversation. Give it what was read with Receive, take messages out with Next; Send
// checks a message against the table and gives the bytes to write.
//
// Each end keeps the worker's state, which says what may be asked next, and the list of requests that Disco owes
// an answer to, whose oldest says which replies are legal. A reply moves the worker's state in one case alone:
// TASK as the answer to DONE, for a worker that announced reuse.
//
// Invariant: both ends, having seen the same bytes, agree on the worker's state and on what is owed. After a
// FrameError nothing more can be received. A MessageError leaves the framing whole and counts as the answer to
// the oldest request, so that a worker can still say FATAL and be answered.
type Session struct {
	role   Role
	state  State
	reuse  bool
	table  map[Role]moves
	reader FrameReader
	owed   []string
	atEnd  bool
}

// NewSession starts the conversation of one end.
func NewSession(role Role) *Session {
	return &Session{role: role, state: Fresh, table: tables[Version]}
}

// State is what the worker has said so far.
func (s *Session) State() State { return s.state }

// Reuse says that the worker announced that it can go on with another task.
func (s *Session) Reuse() bool { return s.reuse }

// Owed is how many requests have no answer yet.
func (s *Session) Owed() int { return len(s.owed) }

// Ended says that the worker said its last word and was answered; State tells which word.
func (s *Session) Ended() bool {
	return len(s.owed) == 0 && len(s.table[RoleWorker][string(s.state)]) == 0
}

// Unfinished says that a frame has begun and not ended. Ask after Next had no message.
func (s *Session) Unfinished() bool { return s.reader.Unfinished() }

// LastWords is what came instead of a frame, after a FrameError.
func (s *Session) LastWords() []byte { return s.reader.LastWords() }

// Send gives the bytes of a message. The error is an *OutOfTurnError when it cannot be said now; nothing is
// changed then.
func (s *Session) Send(message Message) ([]byte, error) {
	if reason := s.whyNot(s.role, message); reason != "" {
		return nil, &OutOfTurnError{message.Name(), reason}
	}
	data, err := Append(nil, message)
	if err != nil {
		return nil, err
	}
	s.move(s.role, message)
	return data, nil
}

// Receive takes in bytes read from the other end.
func (s *Session) Receive(data []byte) { s.reader.Feed(data) }

// ReceiveEnd says that no more bytes will come.
func (s *Session) ReceiveEnd() { s.atEnd = true }

// Next gives the next message of the other end, or nil when more bytes are needed. The error is io.EOF at the end
// between frames, a *FrameError, a *MessageError or a *VersionError.
func (s *Session) Next() (Message, error) {
	frame, ok, err := s.reader.Next()
	if err != nil {
		return nil, err
	}
	if !ok {
		if !s.atEnd {
			return nil, nil
		}
		if err := s.reader.End(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	sender := RoleWorker
	if s.role == RoleWorker {
		sender = RoleDisco
	}
	message, err := Parse(frame, sender)
	if err == nil {
		if reason := s.whyNot(sender, message); reason != "" {
			err = &MessageError{message.Name(), "out of order: " + reason}
		}
	}
	if err != nil {
		if sender == RoleDisco && len(s.owed) > 0 {
			if frame.Name == "TASK" && s.state == Finished && s.reuse {
				s.state = Running // it has begun a task, though a bad one: FATAL can be said of it
			}
			s.owed = s.owed[1:]
		}
		return nil, err
	}
	s.move(sender, message)
	return message, nil
}

// whyNot says why a message cannot be said now; it is empty when it can.
func (s *Session) whyNot(sender Role, message Message) string {
	name := message.Name()
	if sender == RoleWorker {
		legal := s.table[RoleWorker][string(s.state)]
		_, is := message.(Request)
		if _, known := legal[name]; known && is {
			return ""
		}
		return fmt.Sprintf("the worker is %s, and may say %s", s.state, words(legal))
	}
	if len(s.owed) == 0 {
		return "no request is waiting for an answer"
	}
	asked := s.owed[0]
	legal := s.table[RoleDisco][asked]
	next, known := legal[name]
	_, is := message.(Reply)
	if known && is && (next == "" || s.reuse) {
		return ""
	}
	return fmt.Sprintf("%s is answered with %s", asked, words(legal))
}

func (s *Session) move(sender Role, message Message) {
	if sender == RoleWorker {
		if next := s.table[RoleWorker][string(s.state)][message.Name()]; next != "" {
			s.state = next
		}
		if worker, is := message.(Worker); is {
			s.reuse = worker.Reuse
		}
		s.owed = append(s.owed, message.Name())
		return
	}
	if next := s.table[RoleDisco][s.owed[0]][message.Name()]; next != "" {
		s.state = next
	}
	s.owed = s.owed[1:]
}

func words(legal map[string]State) string {
	if len(legal) == 0 {
		return "nothing more"
	}
	names := make([]string, 0, len(legal))
	for name := range legal {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
