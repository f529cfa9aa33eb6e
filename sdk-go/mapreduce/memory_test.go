package mapreduce

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/protocol"
	"discoproject.org/disco/sdk-go/record"
)

const (
	sortedBytes  = 64 << 20
	sortBytes    = 4 << 20
	mostTakenKiB = 48 << 10 // of which the runtime and the collector's reserve take a part
	sortVariable = "DISCO_TEST_SORT"
)

// TestASortKeepsToItsMemory sorts 64 MiB with 4 MiB of memory, in a process of its own, and asks the system for its peak.
func TestASortKeepsToItsMemory(t *testing.T) {
	if path := os.Getenv(sortVariable); path != "" {
		sortOnce(t, path)
		return
	}
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	path := t.TempDir() + "/records"
	writeRandomRecords(t, path)
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), sortVariable+"="+path)
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	found := regexp.MustCompile(`peak: (\d+) KiB`).FindSubmatch(said)
	if found == nil {
		t.Fatalf("no peak in %s", said)
	}
	if taken, err := strconv.Atoi(string(found[1])); err != nil || taken > mostTakenKiB {
		t.Errorf("the worker took %d KiB (%v)", taken, err)
	}
}

func writeRandomRecords(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := record.NewWriter(file, record.None)
	if err != nil {
		t.Fatal(err)
	}
	random, value := rand.New(rand.NewPCG(5, 6)), bytes.Repeat([]byte("v"), 100)
	for written := 0; written < sortedBytes; written += len(value) + 12 {
		if err := writer.Write(fmt.Appendf(nil, "%06d", random.IntN(1_000_000)), value); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func sortOnce(t *testing.T, path string) {
	keys := 0
	count := func(_ []byte, _ iter.Seq[[]byte], _ Emit) error {
		keys++
		return nil
	}
	task := discotest.Task{Inputs: []discotest.Input{{Replicas: []string{"file://" + path}}}}
	task.Mode = protocol.Reduce
	program := Program{Reduce: count, SortBytes: sortBytes}
	if result := discotest.Run(t, &disco.Worker{Task: program.Run}, task); result.Err != nil || keys == 0 {
		t.Fatalf("%d keys, %v", keys, result.Err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("this system does not tell the peak of a process")
	}
	if found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status); found != nil {
		fmt.Printf("peak: %s KiB\n", found[1])
	}
}
