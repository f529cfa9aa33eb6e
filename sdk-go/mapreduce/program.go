package mapreduce

import (
	"context"
	"iter"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/protocol"
	"discoproject.org/disco/sdk-go/record"
)

// Emit adds a pair. The bytes are copied. It has no error: when a pair cannot be written, the task fails after the
// function that emitted it has returned.
type Emit func(key, value []byte)

// Program is what a job does. Its functions are called from one goroutine at a time; the bytes that they are given are
// valid until they return (values: until the next value).
type Program struct {
	// Map gets each record of the inputs: of text, a line as the value, without its line feed.
	Map func(key, value []byte, emit Emit) error
	// Reduce gets each key, in the order of their bytes, with all its values. It need not read them all.
	Reduce func(key []byte, values iter.Seq[[]byte], emit Emit) error
	// Combine, if there is one, makes fewer values of some values of a key before they leave the map. It is called any
	// number of times, so Reduce must give the same result without it; it emits under the key that it was given.
	Combine func(key []byte, values iter.Seq[[]byte], emit Emit) error
	// Start is called before the first record of a task.
	Start func(ctx context.Context, task *disco.Task) error

	// Input is what the inputs of the map are: Lines, or Records.
	Input Format
	// Codec compresses what is written.
	Codec Compression
	// Partition says which of n reduce tasks a key goes to; nil is record.Partition, which all languages share.
	Partition func(key []byte, n int) int
	// SortBytes bounds the memory of a sort, and of a combiner; 0 is 64 MiB.
	SortBytes int
	// Save stores the results in DDFS, under the tag disco:job:results:JOBNAME.
	Save bool
}

// Format of the map's inputs.
type Format int

// Formats.
const (
	Lines Format = iota
	Records
)

// Compression of what is written.
type Compression int

// Compressions.
const (
	Zlib Compression = iota
	Zstd
	NoCompression
)

const defaultSortBytes = 64 << 20

// Main runs the program as a worker and ends the process.
func Main(p Program) { disco.Main(p.Run) }

// Run carries out one task: it is what disco.Worker wants.
func (p Program) Run(ctx context.Context, task *disco.Task) error {
	if p.SortBytes <= 0 {
		p.SortBytes = defaultSortBytes
	}
	if p.Partition == nil {
		p.Partition = record.Partition
	}
	if p.Start != nil {
		if err := p.Start(ctx, task); err != nil {
			return err
		}
	}
	switch {
	case task.Mode == protocol.Map && p.Map != nil:
		return p.runMap(ctx, task)
	case task.Mode == protocol.Reduce && p.Reduce != nil:
		return p.runReduce(ctx, task)
	}
	return disco.Fatalf("the job asks for a %s, which this program has not", task.Mode)
}

func (p Program) codec() record.Codec {
	switch p.Codec {
	case Zstd:
		return record.Zstd
	case NoCompression:
		return record.None
	}
	return record.Zlib
}

// result makes an output for the job's results.
func (p Program) result(task *disco.Task) (*disco.Output, error) {
	if p.Save {
		return task.Saved("")
	}
	return task.Output()
}
