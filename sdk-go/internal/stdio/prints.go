package stdio

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
)

const (
	readBytes = 64 << 10
	// maxLineBytes is where a line without an end is cut.
	maxLineBytes = 16 << 10
	// maxLinesAlone is how many lines that came at once are told one by one; more are told together, so that a
	// program that prints much is not slowed down to the pace of single messages.
	maxLinesAlone = 4
)

// Prints is a pipe whose lines go to a sink.
type Prints struct {
	read, write *os.File
	mark        []byte // what Flush writes; nothing that a program prints
	flush       sync.Mutex
	flushed     chan struct{}
	partial     []byte
}

func newPrints() (*Prints, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	var chance [16]byte
	if _, err := rand.Read(chance[:]); err != nil {
		return nil, err
	}
	return &Prints{
		read: read, write: write, flushed: make(chan struct{}, 1),
		mark: fmt.Appendf(nil, "\x00%x\n", chance),
	}, nil
}

// Tell gives the sink all that is printed, until the process ends.
func (p *Prints) Tell(sink func(text string)) {
	buffer := make([]byte, readBytes)
	for {
		n, err := p.read.Read(buffer)
		p.take(buffer[:n], sink)
		if err != nil {
			return
		}
	}
}

func (p *Prints) take(data []byte, sink func(string)) {
	p.partial = append(p.partial, data...)
	for {
		before, after, found := bytes.Cut(p.partial, p.mark)
		if !found {
			break
		}
		tell(before, sink)
		p.partial = bytes.Clone(after)
		p.flushed <- struct{}{}
	}
	end := bytes.LastIndexByte(p.partial, '\n') + 1
	if end == 0 && len(p.partial) > maxLineBytes {
		// A mark may have begun at the end.
		end = len(p.partial) - len(p.mark)
	}
	tell(p.partial[:end], sink)
	p.partial = p.partial[:copy(p.partial, p.partial[end:])]
}

func tell(text []byte, sink func(string)) {
	if len(text) == 0 {
		return
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) > maxLinesAlone {
		sink(strings.Join(lines, "\n"))
		return
	}
	for _, line := range lines {
		sink(line)
	}
}

// Flush waits until the sink has all that was printed before.
func (p *Prints) Flush(ctx context.Context) error {
	p.flush.Lock()
	defer p.flush.Unlock()
	if _, err := p.write.Write(p.mark); err != nil {
		return err
	}
	select {
	case <-p.flushed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close ends Tell once no process prints any more.
func (p *Prints) Close() error { return p.write.Close() }
