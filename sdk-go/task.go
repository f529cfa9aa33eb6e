package disco

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"discoproject.org/disco/sdk-go/internal/fetch"
	"discoproject.org/disco/sdk-go/jobpack"
	"discoproject.org/disco/sdk-go/protocol"
)

// Task is one task of a job. Its methods may be called from several goroutines, but not after the function that it was
// given to has returned.
type Task struct {
	// TaskInfo is what Disco says about the task.
	protocol.TaskInfo

	ctx    context.Context // of the whole worker
	run    *run
	site   *fetch.Site
	home   string
	folder string // where this attempt writes, relative to home

	mu      sync.Mutex
	outputs []*Output
	tempDir string // "" until it is made
	failure error  // the first of its inputs and outputs
}

func newTask(ctx context.Context, r *run, info protocol.TaskInfo) (*Task, error) {
	home := r.worker.Home
	if home == "" {
		var err error
		if home, err = os.Getwd(); err != nil {
			return nil, err
		}
	}
	task := &Task{
		TaskInfo: info, ctx: ctx, run: r, home: home,
		folder: fmt.Sprintf(".disco/out/%s-%d-%d-%x", info.Mode, info.TaskID, os.Getpid(), time.Now().UnixNano()),
		site: &fetch.Site{
			Host: info.Host, DiscoPort: info.DiscoPort, DiscoData: info.DiscoData, DDFSData: info.DDFSData,
			Label: fetch.AllLabels, HTTP: httpClient,
		},
	}
	if info.Mode == protocol.Reduce {
		task.site.Label = info.TaskID
	}
	return task, nil
}

var httpClient = fetch.NewHTTPClient()

// AllLabels makes inputs of this task read all lines of an index, where a reduce otherwise reads those whose label is
// its TaskID. Call it before reading.
func (t *Task) AllLabels() { t.site.Label = fetch.AllLabels }

// Say sends text for the pages and the log of the job. What the program prints to standard output arrives there too.
func (t *Task) Say(format string, values ...any) error {
	return t.run.channel.say(t.ctx, fmt.Sprintf(format, values...))
}

// Ping asks whether Disco is there. It is sent by itself when a task asks nothing for long.
func (t *Task) Ping() error {
	_, err := t.run.channel.ask(t.ctx, protocol.Ping{})
	return err
}

// JobDict is the dictionary of the job's pack. It is read once for all tasks of a process.
func (t *Task) JobDict() (jobpack.Dict, error) {
	t.run.packs.Lock()
	defer t.run.packs.Unlock()
	if t.run.packs.path == t.JobFile {
		return t.run.packs.dict, nil
	}
	err := t.withPack(func(file *os.File, size int64) (err error) {
		t.run.packs.dict, err = jobpack.ReadDict(file, size)
		return err
	})
	if err == nil {
		t.run.packs.path = t.JobFile
	}
	return t.run.packs.dict, err
}

// JobData is what the job's pack holds for its worker.
func (t *Task) JobData() (data []byte, err error) {
	err = t.withPack(func(file *os.File, size int64) error {
		data, err = jobpack.ReadData(file, size)
		return err
	})
	return data, err
}

func (t *Task) withPack(read func(file *os.File, size int64) error) (err error) {
	file, err := os.Open(t.JobFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return read(file, info.Size())
}

// TempDir makes a directory for this attempt's own files, which is removed at the end of the task.
func (t *Task) TempDir() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tempDir = filepath.Join(t.home, t.folder, "tmp")
	return t.tempDir, os.MkdirAll(t.tempDir, 0o755)
}

// fail keeps the first error of an input or output, so that a task which overlooks it cannot end well.
func (t *Task) fail(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failure == nil {
		t.failure = err
	}
	return err
}

// finish completes the outputs that are still open.
func (t *Task) finish() error {
	t.mu.Lock()
	outputs := t.outputs
	t.mu.Unlock()
	for _, output := range outputs {
		if err := output.Close(); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failure
}

// discard removes what is left of outputs that were not completed, and the temporary directory.
func (t *Task) discard() error {
	t.mu.Lock()
	outputs, tempDir := t.outputs, t.tempDir
	t.mu.Unlock()
	var errs []error
	for _, output := range outputs {
		errs = append(errs, output.Discard())
	}
	if tempDir != "" {
		errs = append(errs, os.RemoveAll(tempDir))
	}
	return errors.Join(errs...)
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
