package mapreduce_test

import (
	"bytes"
	"context"
	"fmt"
	"os"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/jobpack"
	"discoproject.org/disco/sdk-go/mapreduce"
	"discoproject.org/disco/sdk-go/record"
)

func letters(_, line []byte, emit mapreduce.Emit) error {
	for _, word := range bytes.Fields(line) {
		emit(word[:1], word)
	}
	return nil
}

// A program without a reduce: its result is what the map emits. In a worker, main would call Main(program).
func ExampleProgram() {
	program := mapreduce.Program{Map: letters}

	home, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	task := discotest.Task{Inputs: []discotest.Input{{Replicas: []string{"raw://red%20green%20gold"}}}}
	task.JobFile = home + "/jobfile"
	if err := os.WriteFile(task.JobFile, jobPack(home), 0o600); err != nil {
		panic(err)
	}
	played := &discotest.Disco{Home: home, Tasks: []discotest.Task{task}}
	result, err := played.Play(context.Background(), &disco.Worker{Task: program.Run})
	if err != nil || result.Err != nil {
		panic(fmt.Sprint(err, result.Err))
	}
	for pair, err := range record.NewReader(bytes.NewReader(result.Disco()), "the result").All() {
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s %s\n", pair.Key, pair.Value)
	}
	// Output:
	// r red
	// g green
	// g gold
}

// jobPack is the pack of a job that has only a map.
func jobPack(folder string) []byte {
	worker := folder + "/worker"
	if err := os.WriteFile(worker, []byte("#!/bin/sh\n"), 0o700); err != nil {
		panic(err)
	}
	pack, err := jobpack.Build(jobpack.Spec{Worker: worker, Map: true})
	if err != nil {
		panic(err)
	}
	return pack
}
