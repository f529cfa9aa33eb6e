package disco

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"discoproject.org/disco/sdk-go/ddfs"
	"discoproject.org/disco/sdk-go/protocol"
)

const writeBufferBytes = 64 << 10

// ErrClosed is the error of writing to an output that was closed.
var ErrClosed = errors.New("the output is closed")

// Output is a file that appears under its name, and is told to Disco, only when it is complete. It may be used by
// several goroutines.
type Output struct {
	task     *Task
	said     protocol.Output // what Disco will be told
	path     string
	blobName string // for outputs that are stored in DDFS

	mu     sync.Mutex
	file   *os.File
	buffer *bufio.Writer
	err    error // the first
	closed bool
}

// Output makes an output of type disco: a result file of the task, whole and without a label.
func (t *Task) Output() (*Output, error) {
	return t.create(protocol.Output{Type: protocol.TypeDisco}, "", "")
}

// Part makes an output of type part. Those of one label become the input of the reduce task of that number.
func (t *Task) Part(label int) (*Output, error) {
	if label < 0 || label > protocol.MaxLabel {
		return nil, Fatalf("a label is from 0 to %d, not %d", protocol.MaxLabel, label)
	}
	return t.create(protocol.Output{Type: protocol.TypePart, Label: label}, fmt.Sprintf("-part-%d", label), "")
}

// Saved makes an output of type tag: when it is complete it is stored in DDFS, and added to a tag. With "" that is the
// tag of the job's results. Another attempt at the task adds nothing.
func (t *Task) Saved(tag string) (*Output, error) {
	if tag == "" {
		tag = "disco:job:results:" + t.JobName
	}
	return t.create(protocol.Output{Type: protocol.TypeTag, Location: tag}, "-saved", tag)
}

func (t *Task) create(said protocol.Output, kind, tag string) (*Output, error) {
	t.mu.Lock()
	number := len(t.outputs)
	name := fmt.Sprintf("%d%s", number, kind)
	location := t.folder + "/" + name
	output := &Output{task: t, said: said, path: filepath.Join(t.home, filepath.FromSlash(location))}
	t.outputs = append(t.outputs, output)
	t.mu.Unlock()
	if tag == "" {
		output.said.Location = location
	} else {
		output.blobName = ddfs.SafeName(fmt.Sprintf("disco:blob:%s:%s-%d-%d", t.JobName, t.Mode, t.TaskID, number))
	}
	var file *os.File
	err := os.MkdirAll(filepath.Dir(output.path), 0o755)
	if err == nil {
		file, err = os.OpenFile(output.partial(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if err != nil {
		output.closed = true
		return nil, t.fail(err)
	}
	output.file, output.buffer = file, bufio.NewWriterSize(file, writeBufferBytes)
	return output, nil
}

func (o *Output) partial() string { return o.path + ".partial" }

// Write adds to the output. After an error it gives the same error again.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, ErrClosed
	}
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.buffer.Write(p)
	if err != nil {
		o.err = o.task.fail(err)
	}
	return n, err
}

// Close completes the output: its bytes are safe on the disk, then it takes its name, then Disco is told. Closing it
// again gives the same error again.
func (o *Output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return o.err
	}
	o.closed = true
	if o.err == nil {
		o.err = o.complete()
	} else {
		_ = o.file.Close() // the error before is the one that counts
	}
	if o.err != nil {
		return o.task.fail(o.err)
	}
	return nil
}

func (o *Output) complete() error {
	err := o.buffer.Flush()
	if err == nil {
		err = o.file.Sync()
	}
	if err = errors.Join(err, o.file.Close()); err != nil {
		return err
	}
	if o.said.Type == protocol.TypeTag {
		err = o.store()
	} else {
		err = os.Rename(o.partial(), o.path)
	}
	if err != nil {
		return err
	}
	_, err = o.task.run.channel.ask(o.task.ctx, o.said)
	return err
}

// store puts the output into DDFS.
func (o *Output) store() error {
	client := ddfs.New(o.task.Master)
	if client.Token = o.task.run.worker.Token; client.Token == "" {
		client.Token = os.Getenv("DDFS_WRITE_TOKEN")
	}
	file := ddfs.FromPath(o.partial())
	file.Name = o.blobName
	_, err := client.Push(o.task.ctx, o.said.Location, []ddfs.File{file}, ddfs.TagOptions{Update: true, Delayed: true})
	if err != nil {
		return fmt.Errorf("saving an output in the tag %s: %w", o.said.Location, err)
	}
	return os.Remove(o.partial())
}

// Discard gives an output up that is not complete: nothing of it stays. After Close it does nothing.
func (o *Output) Discard() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil || o.closed && o.err == nil {
		return nil
	}
	if !o.closed {
		o.closed = true
		_ = o.file.Close() // what it holds is not wanted
	}
	if err := os.Remove(o.partial()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

var _ io.WriteCloser = (*Output)(nil)
