package mapreduce

import (
	"context"
	"errors"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/record"
)

func (p Program) runReduce(ctx context.Context, task *disco.Task) (err error) {
	dir, err := task.TempDir()
	if err != nil {
		return err
	}
	sorter := newSorter(dir, p.SortBytes)
	for input, err := range task.Inputs(ctx) {
		if err != nil {
			return err
		}
		for one, err := range input.Records(ctx) {
			if err == nil {
				err = sorter.add(one.Key, one.Value)
			}
			if err != nil {
				return err
			}
		}
	}
	sorted, err := sorter.sorted()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sorted.close()) }()
	out, err := p.result(task)
	if err != nil {
		return err
	}
	writer, err := record.NewWriter(out, p.codec())
	if err != nil {
		return err
	}
	if err := p.reduceGroups(ctx, &groups{source: sorted}, writer); err != nil {
		return err
	}
	return writer.Flush()
}

func (p Program) reduceGroups(ctx context.Context, groups *groups, writer *record.Writer) error {
	var failed error
	emit := func(key, value []byte) {
		if failed == nil {
			failed = writer.Write(key, value)
		}
	}
	for groups.next() {
		if err := p.Reduce(groups.key, groups.values(), emit); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return groups.err
}
