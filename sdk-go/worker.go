package disco

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"discoproject.org/disco/sdk-go/internal/stdio"
	"discoproject.org/disco/sdk-go/jobpack"
	"discoproject.org/disco/sdk-go/protocol"
)

// maxTextBytes is how much an ERROR or FATAL says.
const maxTextBytes = 16_000

// Worker carries out tasks for Disco.
type Worker struct {
	// Task does the work of one task. Its error is told to Disco by its kind (see ErrFatal and ErrElsewhere); a panic
	// is fatal. When it returns nil, outputs that are still open are completed. The context ends when Disco is gone or
	// the worker is told to stop; Task should then return soon.
	Task func(ctx context.Context, task *Task) error

	// In and Out are the protocol's streams. When both are nil they are the process's standard input and error, which
	// are taken away from the program first: what it prints becomes MSG.
	In  io.Reader
	Out io.Writer

	// Home is the job home; "" is the working directory, where Disco starts a worker.
	Home string
	// Token is used to store outputs in DDFS; "" is the variable DDFS_WRITE_TOKEN of the job's environment.
	Token string
	// NoReuse does not offer Disco to go on with other tasks of the job in this process.
	NoReuse bool
	// Settings are limits of time.
	Settings Settings

	listen func() // after signals were set right, which takes them from Main's channel too
}

// Settings are limits of time; those that are 0 have their usual values.
type Settings struct {
	ReplyTimeout time.Duration // how long Disco may take to answer: 10 minutes
	FrameTimeout time.Duration // how long nothing may come in the middle of a frame: 30 seconds
	PingInterval time.Duration // a task that asks nothing for so long sends a PING: 1 minute
	FirstPause   time.Duration // before inputs are asked for again: 0.1 seconds,
	LongestPause time.Duration // doubled each time up to 5 seconds
	Grace        time.Duration // how long Task may take to return once its context has ended: 2 seconds
}

func (s Settings) withDefaults() Settings {
	for _, one := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&s.ReplyTimeout, 600 * time.Second},
		{&s.FrameTimeout, 30 * time.Second},
		{&s.PingInterval, time.Minute},
		{&s.FirstPause, 100 * time.Millisecond},
		{&s.LongestPause, 5 * time.Second},
		{&s.Grace, 2 * time.Second},
	} {
		if *one.value == 0 {
			*one.value = one.usual
		}
	}
	return s
}

// Main runs a worker on the standard streams and ends the process: with status 0 when all was well. A program calls it
// first thing in main.
func Main(task func(ctx context.Context, task *Task) error) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	told := make(chan os.Signal, 1)
	listen := func() { signal.Notify(told, syscall.SIGTERM, syscall.SIGINT) }
	listen()
	go func() {
		<-told
		stop()
	}()
	worker := &Worker{Task: task, listen: listen}
	err := worker.Run(ctx)
	if ctx.Err() != nil {
		// The group is Disco's to end too; an error means that it is gone.
		_ = stdio.EndGroup()
	}
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// Run carries out tasks until Disco has no more. The error is the first that any of them ended with; Disco has then
// been told, unless it is ErrDisconnected or the context's.
func (w *Worker) Run(ctx context.Context) error {
	if w.Task == nil {
		return errors.New("a Worker needs a Task")
	}
	run := &run{worker: w, limits: w.Settings.withDefaults()}
	in, out := w.In, w.Out
	if in == nil && out == nil {
		realIn, realOut, prints, err := stdio.Claim()
		if err != nil {
			return err
		}
		in, out, run.prints = realIn, realOut, prints
		if run.kept, err = stdio.Keep(); err != nil {
			return err
		}
	}
	if in == nil || out == nil {
		return errors.New("a Worker needs both In and Out, or neither")
	}
	run.channel = newChannel(in, out, run.limits)
	if run.prints != nil {
		// After a failure there is nobody to tell; the program must not notice.
		go run.prints.Tell(func(text string) { _ = run.channel.say(ctx, text) })
	}
	err := run.talk(ctx)
	if err != nil {
		err = run.giveUp(ctx, err)
	}
	return err
}

// run is one conversation with Disco.
type run struct {
	worker  *Worker
	limits  Settings
	channel *channel
	prints  *stdio.Prints
	kept    *stdio.Surroundings // nil when the process is not this worker's alone
	packs   struct {            // the dictionary that was read last
		sync.Mutex
		path string
		dict jobpack.Dict
	}
}

func (r *run) talk(ctx context.Context) error {
	hello := protocol.Worker{PID: int64(os.Getpid()), Reuse: !r.worker.NoReuse}
	if _, err := r.channel.ask(ctx, hello); err != nil {
		return err
	}
	reply, err := r.channel.ask(ctx, protocol.TaskRequest{})
	for err == nil {
		info, is := reply.(protocol.TaskInfo)
		if !is {
			return nil // OK: there is no other task
		}
		if err = r.do(ctx, info); err == nil {
			reply, err = r.channel.ask(ctx, protocol.Done{})
		}
	}
	return err
}

// giveUp tells Disco why, where it can be told.
func (r *run) giveUp(ctx context.Context, err error) error {
	if failure := r.channel.failed(); failure != nil {
		err = failure
	}
	if ctx.Err() != nil || errors.Is(err, ErrDisconnected) {
		return err
	}
	text := err.Error()
	if len(text) > maxTextBytes {
		text = fmt.Sprintf("%s… (%d bytes more)", text[:maxTextBytes], len(text)-maxTextBytes)
	}
	var word protocol.Request = protocol.Error{Text: text}
	kind := kindOf(err)
	if kind == ErrFatal {
		word = protocol.Fatal{Text: text}
	}
	if failed := r.channel.lastWord(ctx, word); failed != nil {
		err = fmt.Errorf("%w (and Disco could not be told: %w)", err, failed)
	}
	return &Failure{Kind: kind, Err: err}
}

// do carries out one task, with its outputs complete and its prints told at the end.
func (r *run) do(ctx context.Context, info protocol.TaskInfo) (err error) {
	task, err := newTask(ctx, r, info)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, task.discard()) }()
	err = errors.Join(r.supervise(ctx, task), r.setRight())
	if err == nil {
		err = task.finish()
	}
	if r.prints != nil && ctx.Err() == nil {
		if flushed := r.prints.Flush(ctx); err == nil {
			err = flushed
		}
	}
	return err
}

// setRight undoes what the program's function has changed of the process, for the next task.
func (r *run) setRight() error {
	if r.kept == nil {
		return nil
	}
	return r.kept.Restore(func() {
		if r.worker.listen != nil {
			r.worker.listen()
		}
	})
}

// supervise runs the program's function, with a heartbeat, until it returns or its context has ended for too long.
func (r *run) supervise(ctx context.Context, task *Task) error {
	work, cancel := context.WithCancelCause(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		r.heartbeat(ctx, work, cancel)
	}()
	done := make(chan error, 1)
	go guard(work, r.worker.Task, task, done)
	var err error
	select {
	case err = <-done:
	case <-work.Done():
		grace := time.NewTimer(r.limits.Grace)
		defer grace.Stop()
		select {
		case err = <-done:
		case <-grace.C:
			return context.Cause(work)
		}
	}
	cancel(nil)
	<-beating
	return err
}

// heartbeat sends a PING when the task has asked nothing for long, and ends its context when Disco is gone.
func (r *run) heartbeat(ctx, work context.Context, cancel context.CancelCauseFunc) {
	timer := time.NewTimer(r.limits.PingInterval)
	defer timer.Stop()
	for {
		select {
		case <-work.Done():
			return
		case <-r.channel.gone:
			cancel(fmt.Errorf("%w: it closed the pipe", ErrDisconnected))
			return
		case <-timer.C:
		}
		idle := r.channel.idleFor()
		if idle >= r.limits.PingInterval {
			if _, err := r.channel.ask(ctx, protocol.Ping{}); err != nil {
				cancel(err)
				return
			}
			idle = 0
		}
		timer.Reset(r.limits.PingInterval - idle)
	}
}

// guard runs the program's function and turns a panic, and the end of its goroutine, into an error.
func guard(ctx context.Context, work func(context.Context, *Task) error, task *Task, done chan<- error) {
	err := Fatalf("the task ended its goroutine (runtime.Goexit, or Fatal of a test)")
	defer func() {
		if fault := recover(); fault != nil {
			err = Fatalf("panic: %v\n\n%s", fault, debug.Stack())
		}
		done <- err
	}()
	err = work(ctx, task)
}
