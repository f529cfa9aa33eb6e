package discotest

import (
	"slices"

	"discoproject.org/disco/sdk-go/protocol"
)

// Task is a task to hand out. What is zero in its TaskInfo gets a sensible value.
type Task struct {
	protocol.TaskInfo
	Inputs []Input
}

// Input is an input as the script gives it away.
type Input struct {
	ID       int64
	Replicas []string // URLs, best first; their ids count from 0
	FromPoll int      // it is listed from this poll on; until then the list says "more"
	Busy     int      // for how many polls it is busy
	Failed   bool     // it is listed as failed
	// Spare are named by RETRY, one after each report of failed replicas.
	Spare []string
	// WaitSeconds are told by WAIT once the spare ones are used up; then Made are the replicas.
	WaitSeconds int
	Made        []string
}

func (t Task) info(home string) protocol.TaskInfo {
	info := t.TaskInfo
	for _, one := range []struct {
		value *string
		usual string
	}{
		{&info.Host, "localhost"}, {&info.Master, "http://localhost:8989"}, {&info.JobName, "job@1:2:3"},
		{&info.DiscoData, home}, {&info.DDFSData, home}, {&info.JobFile, home + "/jobfile"},
	} {
		if *one.value == "" {
			*one.value = one.usual
		}
	}
	if info.Mode == "" {
		info.Mode = protocol.Map
	}
	if info.DiscoPort == 0 {
		info.DiscoPort = 8989
	}
	if info.PutPort == 0 {
		info.PutPort = 8990
	}
	return info
}

// script is where a task's inputs are.
type script struct {
	task     Task
	polls    int
	reported map[int64]int // how often replicas of an input were reported
}

func (s *script) list(request protocol.InputRequest) protocol.InputReply {
	s.polls++
	var reply protocol.InputReply
	for _, input := range s.task.Inputs {
		if s.polls < input.FromPoll {
			reply.More = true
			continue
		}
		named := slices.Contains(request.IDs, input.ID)
		if request.Select == protocol.Exclude && named || request.Select == protocol.Include && !named {
			continue
		}
		reply.Inputs = append(reply.Inputs, s.entry(input))
	}
	return reply
}

func (s *script) entry(input Input) protocol.InputEntry {
	entry := protocol.InputEntry{ID: input.ID, Status: protocol.StatusOK, Replicas: replicas(input.Replicas, 0)}
	switch {
	case input.Failed:
		entry.Status = protocol.StatusFailed
	case s.polls < max(1, input.FromPoll)+input.Busy:
		entry.Status, entry.Replicas = protocol.StatusBusy, nil
	case s.reported[input.ID] > len(input.Spare):
		entry.Replicas = replicas(input.Made, len(input.Replicas)+len(input.Spare))
	}
	return entry
}

func (s *script) inputErr(request protocol.InputErr) protocol.Reply {
	if s.reported == nil {
		s.reported = map[int64]int{}
	}
	for _, input := range s.task.Inputs {
		if input.ID != request.InputID {
			continue
		}
		count := s.reported[input.ID]
		s.reported[input.ID]++
		if count < len(input.Spare) {
			return protocol.Retry{Replicas: replicas(input.Spare[count:count+1], len(input.Replicas)+count)}
		}
		if count == len(input.Spare) && input.WaitSeconds > 0 {
			return protocol.Wait{Seconds: input.WaitSeconds}
		}
	}
	return protocol.Fail{}
}

func replicas(urls []string, first int) []protocol.Replica {
	var made []protocol.Replica
	for i, url := range urls {
		made = append(made, protocol.Replica{ID: int64(first + i), URL: url})
	}
	return made
}
