package disco

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"discoproject.org/disco/sdk-go/protocol"
	"discoproject.org/disco/sdk-go/record"
)

// Inputs gives the inputs of the task, each once and as soon as it can be read. Those that are still being made are
// asked for again, at growing intervals. After an error it ends; the task then fails, even if it returns nil.
func (t *Task) Inputs(ctx context.Context) iter.Seq2[*Input, error] {
	return func(yield func(*Input, error) bool) {
		var seen []int64
		known := map[int64]bool{}
		pause := t.run.limits.FirstPause
		for {
			reply, err := t.askInputs(seen, protocol.Exclude)
			if err != nil {
				yield(nil, t.fail(err))
				return
			}
			waiting := reply.More
			for _, entry := range reply.Inputs {
				if known[entry.ID] {
					continue
				}
				if entry.Status == protocol.StatusBusy {
					waiting = true
					continue
				}
				known[entry.ID] = true
				seen = append(seen, entry.ID)
				pause = t.run.limits.FirstPause
				if !yield(&Input{ID: entry.ID, task: t, left: entry.Replicas}, nil) {
					return
				}
			}
			if !waiting {
				return
			}
			if err := sleep(ctx, pause); err != nil {
				yield(nil, t.fail(err))
				return
			}
			pause = min(2*pause, t.run.limits.LongestPause)
		}
	}
}

func (t *Task) askInputs(ids []int64, selection protocol.Selection) (protocol.InputReply, error) {
	request := protocol.InputRequest{Select: selection, IDs: ids}
	if len(ids) == 0 {
		request = protocol.InputRequest{}
	}
	reply, err := t.run.channel.ask(t.ctx, request)
	found, _ := reply.(protocol.InputReply)
	return found, err
}

// Input is one input of a task: the same data at one or more places. It is read from the best place; when that fails in
// the middle, the next is read from the record after the last one delivered, so the reader never notices.
type Input struct {
	ID       int64
	task     *Task
	left     []protocol.Replica // best first
	failed   []int64            // replicas that Disco has not been told of
	madeAnew bool               // what left names is no copy of what was read before
}

// best is the place to read next.
func (in *Input) best(ctx context.Context, failure error) (protocol.Replica, error) {
	if len(in.left) == 0 {
		if err := in.askForMore(ctx, failure); err != nil {
			return protocol.Replica{}, err
		}
	}
	return in.left[0], nil
}

// crossOff gives the best place up.
func (in *Input) crossOff() {
	in.failed = append(in.failed, in.left[0].ID)
	in.left = in.left[1:]
}

// askForMore tells Disco that no replica could be read, because of a failure, and gets others.
func (in *Input) askForMore(ctx context.Context, failure error) error {
	if len(in.failed) == 0 {
		return in.lost(errors.New("no replica of it is known"))
	}
	reply, err := in.task.run.channel.ask(in.task.ctx, protocol.InputErr{InputID: in.ID, ReplicaIDs: in.failed})
	if err != nil {
		return err
	}
	in.failed = nil
	switch answer := reply.(type) {
	case protocol.Retry:
		in.left = answer.Replicas
		return nil
	case protocol.Wait:
		if err := sleep(ctx, time.Duration(answer.Seconds)*time.Second); err != nil {
			return err
		}
		in.madeAnew = true
		return in.awaitReplicas(ctx, failure)
	}
	return in.lost(failure)
}

// awaitReplicas asks until Disco has made the input again.
func (in *Input) awaitReplicas(ctx context.Context, failure error) error {
	limits := in.task.run.limits
	for pause := limits.FirstPause; ; pause = min(2*pause, limits.LongestPause) {
		reply, err := in.task.askInputs([]int64{in.ID}, protocol.Include)
		if err != nil {
			return err
		}
		listed := reply.More
		for _, entry := range reply.Inputs {
			if entry.ID != in.ID {
				continue
			}
			if entry.Status != protocol.StatusBusy && len(entry.Replicas) > 0 {
				in.left = entry.Replicas
				return nil
			}
			listed = entry.Status == protocol.StatusBusy
		}
		if !listed {
			return in.lost(failure)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// lost is the error for an input that cannot be read anywhere.
func (in *Input) lost(failure error) error {
	return &Failure{Kind: ErrElsewhere, Err: fmt.Errorf("input %d cannot be read: %w: %w", in.ID, ErrReplica, failure)}
}

// Records gives the records of an input that is a record stream. The bytes of one are valid until the next.
func (in *Input) Records(ctx context.Context) iter.Seq2[record.Record, error] {
	return Decode(ctx, in, func(stream io.Reader, url string) iter.Seq2[record.Record, error] {
		return record.NewReader(stream, url).All()
	})
}

// Lines gives the lines of an input that is text, without their line feeds. The bytes of one are valid until the next.
func (in *Input) Lines(ctx context.Context) iter.Seq2[[]byte, error] {
	return Decode(ctx, in, func(stream io.Reader, _ string) iter.Seq2[[]byte, error] {
		return record.Lines(stream)
	})
}

// Decode gives the records of an input in a format of the program's own. The function decode gives the records of one
// replica; an error that it yields means that the replica is damaged.
func Decode[T any](ctx context.Context, in *Input,
	decode func(stream io.Reader, url string) iter.Seq2[T, error],
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var failure error
		for delivered := 0; ; {
			replica, err := in.best(ctx, failure)
			if err == nil && in.madeAnew && delivered > 0 {
				err = in.lost(fmt.Errorf("it was lost after %d records had been read, and made again", delivered))
			}
			if err != nil {
				yield(none, in.task.fail(err))
				return
			}
			again := true
			again, delivered, failure = readReplica(ctx, in, replica.URL, delivered, decode, yield)
			if !again {
				return
			}
			if ctx.Err() != nil {
				yield(none, in.task.fail(context.Cause(ctx)))
				return
			}
			in.crossOff()
		}
	}
}

// readReplica delivers the records after those delivered before. It is to be tried again elsewhere after a failure.
func readReplica[T any](ctx context.Context, in *Input, url string, delivered int,
	decode func(io.Reader, string) iter.Seq2[T, error], yield func(T, error) bool,
) (again bool, now int, failure error) {
	stream, err := in.task.site.Open(ctx, url)
	if err != nil {
		return true, delivered, err
	}
	defer func() { _ = stream.Close() }() // what was read is whole, or failed already
	skip := delivered
	for one, err := range decode(stream, url) {
		if err != nil {
			return true, delivered, fmt.Errorf("%s: %w", url, err)
		}
		if skip > 0 {
			skip--
			continue
		}
		delivered++
		if !yield(one, nil) {
			return false, delivered, nil
		}
	}
	if skip > 0 {
		return true, delivered, fmt.Errorf("%s: it has %d records fewer than another replica", url, skip)
	}
	return false, delivered, nil
}

// Open gives the bytes of the input as one stream, which goes on in another replica, at the byte after the last one
// delivered, when one fails. Nothing is opened before the first Read.
func (in *Input) Open(ctx context.Context) io.ReadCloser {
	return &inputStream{ctx: ctx, in: in}
}

type inputStream struct {
	ctx     context.Context
	in      *Input
	now     io.ReadCloser
	offset  int64
	failure error // of the last replica
	err     error // final
}

func (s *inputStream) Read(p []byte) (int, error) {
	for s.err == nil {
		if s.now == nil {
			s.open()
			continue
		}
		n, err := s.now.Read(p)
		s.offset += int64(n)
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			s.err = io.EOF
			return n, s.err
		}
		if err != nil {
			s.giveUp(s.now, err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, s.err
}

// open opens the best replica at the offset, or crosses it off, or sets err when there is none.
func (s *inputStream) open() {
	replica, err := s.in.best(s.ctx, s.failure)
	if err == nil && s.in.madeAnew && s.offset > 0 {
		err = s.in.lost(fmt.Errorf("it was lost after %d bytes had been read, and made again", s.offset))
	}
	if err != nil {
		s.err = s.in.task.fail(err)
		return
	}
	stream, err := s.in.task.site.Open(s.ctx, replica.URL)
	if err == nil {
		if _, err = io.CopyN(io.Discard, stream, s.offset); err == nil {
			s.now = stream
			return
		}
	}
	s.giveUp(stream, fmt.Errorf("%s: %w", replica.URL, err))
}

// giveUp crosses the replica off, unless it is the worker that is to stop.
func (s *inputStream) giveUp(stream io.Closer, failure error) {
	s.now, s.failure = nil, failure
	if stream != nil {
		_ = stream.Close() // it is broken already
	}
	if s.ctx.Err() != nil {
		s.err = s.in.task.fail(context.Cause(s.ctx))
		return
	}
	s.in.crossOff()
}

// Close lets go of the replica that is being read.
func (s *inputStream) Close() error {
	if s.err == nil {
		s.err = errors.New("the input stream is closed")
	}
	if s.now == nil {
		return nil
	}
	return s.now.Close()
}
