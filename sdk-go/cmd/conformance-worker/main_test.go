package main

import (
	"testing"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/protocol"
)

func TestBehaviours(t *testing.T) {
	inputs := []discotest.Input{{Replicas: []string{"raw://the%20cat%20the"}}}
	for job, test := range map[string]struct {
		mode   protocol.Mode
		ending string
		output string
	}{
		"echo":         {ending: "DONE", output: "the cat the"},
		"wordcount":    {ending: "DONE", output: "cat 1\nthe 2\n"},
		"split@1":      {ending: "DONE", output: "the\ncat\nthe\n"},
		"say@2":        {ending: "DONE", output: "the cat the"},
		"ping@2":       {ending: "DONE", output: "the cat the"},
		"slow@0.001":   {ending: "DONE", output: "the cat the"},
		"split@none":   {ending: "FATAL"},
		"fail-error":   {ending: "ERROR"},
		"fail-fatal":   {ending: "FATAL"},
		"no-such-name": {ending: "FATAL"},
	} {
		task := discotest.Task{Inputs: inputs}
		task.JobName = job
		result := discotest.Run(t, &disco.Worker{Task: run}, task)
		if got := string(result.Disco()) + string(result.Part(0)); got != test.output || result.Ending.Name() != test.ending {
			t.Errorf("%s: %q, %v", job, got, result.Ending)
		}
	}
}

func TestReduceAddsUp(t *testing.T) {
	task := discotest.Task{Inputs: []discotest.Input{{Replicas: []string{"raw://a%201%0Ab%202%0A"}}, {ID: 1, Replicas: []string{"raw://b%2040"}}}}
	task.JobName, task.Mode = "wordcount", protocol.Reduce
	result := discotest.Run(t, &disco.Worker{Task: run}, task)
	if got := string(result.Part(0)); got != "a 1\nb 42\n" {
		t.Errorf("%q, %v", got, result.Err)
	}
}
