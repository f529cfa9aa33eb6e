package discotest

import (
	"os"
	"path/filepath"
	"testing"

	"discoproject.org/disco/sdk-go/jobpack"
)

// JobFile writes a job pack with a dictionary and job data, and gives its path for the JobFile of a Task. What is empty
// in the dictionary and is needed gets a value.
func JobFile(t testing.TB, dict jobpack.Dict, data []byte) string {
	t.Helper()
	folder := t.TempDir()
	worker := filepath.Join(folder, "worker")
	if err := os.WriteFile(worker, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	pack, err := jobpack.Build(jobpack.Spec{
		Worker: worker, Prefix: dict.Prefix, Inputs: dict.Inputs, Map: dict.Map, Reduce: dict.Reduce,
		Partitions: dict.Partitions, Owner: dict.Owner, Scheduler: dict.Scheduler, Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "jobfile")
	if err := os.WriteFile(path, pack, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
