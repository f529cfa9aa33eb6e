package disco

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"discoproject.org/disco/sdk-go/protocol"
)

const readBytes = 64 << 10

// channel is the worker's line to Disco: one request, then its reply. It is safe for use by several goroutines, and
// its first failure is its last: nothing can be asked after it.
type channel struct {
	limits Settings
	out    io.Writer
	chunks chan []byte
	gone   chan struct{} // closed when Disco has closed the pipe

	mu      sync.Mutex
	session *protocol.Session
	failure error
	asked   time.Time // when the last request was answered
}

func newChannel(in io.Reader, out io.Writer, limits Settings) *channel {
	c := &channel{
		limits: limits, out: out, session: protocol.NewSession(protocol.RoleWorker),
		chunks: make(chan []byte, 4), gone: make(chan struct{}), asked: time.Now(),
	}
	go c.pump(in)
	return c
}

// pump reads all the time, so that the end of the input is noticed while the task works.
func (c *channel) pump(in io.Reader) {
	defer close(c.chunks)
	defer close(c.gone)
	for {
		chunk := make([]byte, readBytes)
		n, err := in.Read(chunk)
		if n > 0 {
			c.chunks <- chunk[:n]
		}
		if err != nil {
			return
		}
	}
}

// ask sends a request and awaits its reply.
func (c *channel) ask(ctx context.Context, request protocol.Request) (protocol.Reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return nil, c.failure
	}
	reply, err := c.exchange(ctx, request)
	var outOfTurn *protocol.OutOfTurnError
	if err != nil && !errors.As(err, &outOfTurn) {
		c.failure = err
	}
	return reply, err
}

// lastWord tells Disco how the task ended, even after a failure, and awaits the answer where there can be one.
func (c *channel) lastWord(ctx context.Context, request protocol.Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var frame *protocol.FrameError
	if errors.As(c.failure, &frame) {
		data, err := c.session.Send(request)
		if err == nil {
			_, err = c.out.Write(data)
		}
		return err
	}
	_, err := c.exchange(ctx, request)
	return err
}

// say sends text for the pages and the log. Between tasks there is nobody to hear it.
func (c *channel) say(ctx context.Context, text string) error {
	_, err := c.ask(ctx, protocol.Msg{Text: text})
	return err
}

func (c *channel) idleFor() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.asked)
}

func (c *channel) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

func (c *channel) exchange(ctx context.Context, request protocol.Request) (protocol.Reply, error) {
	data, err := c.session.Send(request)
	if err != nil {
		return nil, err
	}
	if _, err := c.out.Write(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	reply, err := c.reply(ctx)
	c.asked = time.Now()
	return reply, err
}

func (c *channel) reply(ctx context.Context) (protocol.Reply, error) {
	late := time.NewTimer(c.limits.ReplyTimeout)
	defer late.Stop()
	for {
		message, err := c.session.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: it closed the pipe", ErrDisconnected)
		}
		if err != nil {
			return nil, err
		}
		if reply, is := message.(protocol.Reply); is {
			return reply, nil
		}
		if err := c.receive(ctx, late.C); err != nil {
			return nil, err
		}
	}
}

// receive takes in what Disco sends next, or gives up.
func (c *channel) receive(ctx context.Context, late <-chan time.Time) error {
	var stuck <-chan time.Time
	if c.session.Unfinished() {
		timer := time.NewTimer(c.limits.FrameTimeout)
		defer timer.Stop()
		stuck = timer.C
	}
	select {
	case chunk, open := <-c.chunks:
		if open {
			c.session.Receive(chunk)
		} else {
			c.session.ReceiveEnd()
		}
		return nil
	case <-late:
		return fmt.Errorf("%w: no answer for %v", ErrDisconnected, c.limits.ReplyTimeout)
	case <-stuck:
		return fmt.Errorf("%w: nothing for %v in the middle of a frame", ErrDisconnected, c.limits.FrameTimeout)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
