package mapreduce

import (
	"context"
	"iter"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/record"
)

const (
	// shuffleBytes is how much all partitions of a task may hold that is not yet written.
	shuffleBytes  = 64 << 20
	minHunkBytes  = 16 << 10
	maxPartitions = 100_000
)

func (p Program) runMap(ctx context.Context, task *disco.Task) error {
	dict, err := task.JobDict()
	if err != nil {
		return err
	}
	partitions := 0
	if dict.Reduce {
		if partitions = dict.Partitions; partitions < 1 || partitions > maxPartitions {
			return disco.Fatalf("a job with a reduce needs from 1 to %d partitions, not %d", maxPartitions, partitions)
		}
	}
	out := &shuffle{program: p, task: task, writers: make([]*record.Writer, max(1, partitions)), labelled: partitions > 0}
	emit := out.emit
	var combined *combiner
	if p.Combine != nil && partitions > 0 {
		combined = newCombiner(p.Combine, p.SortBytes, out.emit)
		emit = combined.emit
	}
	for input, err := range task.Inputs(ctx) {
		if err != nil {
			return err
		}
		for one, err := range p.records(ctx, input) {
			if err == nil {
				err = p.Map(one.Key, one.Value, emit)
			}
			if err == nil {
				err = out.err
			}
			if err != nil {
				return err
			}
		}
	}
	if combined != nil {
		if err := combined.flush(); err != nil {
			return err
		}
	}
	return out.finish()
}

func (p Program) records(ctx context.Context, input *disco.Input) iter.Seq2[record.Record, error] {
	if p.Input == Records {
		return input.Records(ctx)
	}
	return func(yield func(record.Record, error) bool) {
		for line, err := range input.Lines(ctx) {
			if !yield(record.Record{Value: line}, err) {
				return
			}
		}
	}
}

// shuffle writes pairs to the partitions that they belong to. Its first error stays.
type shuffle struct {
	program  Program
	task     *disco.Task
	labelled bool // as input of reduces; otherwise they are the job's result
	writers  []*record.Writer
	first    *record.Writer
	err      error
}

func (s *shuffle) emit(key, value []byte) {
	if s.err != nil {
		return
	}
	label := 0
	if s.labelled {
		if label = s.program.Partition(key, len(s.writers)); label < 0 || label >= len(s.writers) {
			s.err = disco.Fatalf("Partition put a key into partition %d of %d", label, len(s.writers))
			return
		}
	}
	if s.writers[label] == nil {
		if s.err = s.open(label); s.err != nil {
			return
		}
	}
	s.err = s.writers[label].Write(key, value)
}

// open makes the output of a partition when its first pair comes. All share one compressor.
func (s *shuffle) open(label int) error {
	var out *disco.Output
	var err error
	if s.labelled {
		out, err = s.task.Part(label)
	} else {
		out, err = s.program.result(s.task)
	}
	if err != nil {
		return err
	}
	if s.first == nil {
		if s.first, err = record.NewWriter(nil, s.program.codec()); err != nil {
			return err
		}
	}
	s.writers[label] = s.first.Sibling(out, max(minHunkBytes, shuffleBytes/len(s.writers)))
	return nil
}

// finish writes what is left. The outputs are completed by the task.
func (s *shuffle) finish() error {
	for _, writer := range s.writers {
		if s.err == nil && writer != nil {
			s.err = writer.Flush()
		}
	}
	return s.err
}
