package job

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	"discoproject.org/disco/sdk-go/record"
)

// Open gives the results of a job, whose URLs Wait gave, as one stream: those of an index one after another, those of a
// tag from any replica of its blobs.
func (c *Client) Open(ctx context.Context, urls []string) io.ReadCloser {
	next, stop := iter.Pull2(c.places(ctx, urls))
	return &results{client: c, ctx: ctx, next: next, stop: stop}
}

// Inputs gives the inputs that a job pack wants: each URL is one, except that a tag is all its blobs, with their replicas.
func (c *Client) Inputs(ctx context.Context, urls ...string) ([][]string, error) {
	var inputs [][]string
	for replicas, err := range c.places(ctx, urls) {
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, replicas)
	}
	return inputs, nil
}

// Records gives the records of the results. The bytes of one are valid until the next.
func (c *Client) Records(ctx context.Context, urls []string) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for replicas, err := range c.places(ctx, urls) {
			if err != nil {
				yield(record.Record{}, err)
				return
			}
			if !c.records(ctx, replicas, yield) {
				return
			}
		}
	}
}

func (c *Client) records(ctx context.Context, replicas []string, yield func(record.Record, error) bool) bool {
	stream, err := c.DDFS.Open(ctx, replicas)
	if err != nil {
		yield(record.Record{}, err)
		return false
	}
	defer func() { _ = stream.Close() }() // what was read is whole, or has failed
	for one, err := range record.NewReader(stream, replicas[0]).All() {
		if !yield(one, err) || err != nil {
			return false
		}
	}
	return true
}

// places gives the replicas of each thing to read.
func (c *Client) places(ctx context.Context, urls []string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for _, url := range urls {
			if !strings.HasPrefix(url, "tag://") {
				if !yield([]string{url}, nil) {
					return
				}
				continue
			}
			for replicas, err := range c.DDFS.Blobs(ctx, url) {
				if !yield(replicas, err) || err != nil {
					return
				}
			}
		}
	}
}

type results struct {
	client *Client
	ctx    context.Context
	next   func() ([]string, error, bool)
	stop   func()
	now    io.ReadCloser
}

func (r *results) Read(p []byte) (int, error) {
	for {
		if r.now == nil {
			replicas, err, more := r.next()
			if !more {
				return 0, io.EOF
			}
			if err != nil {
				return 0, err
			}
			if r.now, err = r.client.DDFS.Open(r.ctx, replicas); err != nil {
				r.now = nil
				return 0, err
			}
		}
		n, err := r.now.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		err = r.now.Close()
		r.now = nil
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (r *results) Close() error {
	r.stop()
	if r.now == nil {
		return nil
	}
	return r.now.Close()
}
