package ddfs

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Open opens a blob, or any file that nodes keep, by the URLs of its replicas. When one is cut the next is read from
// the byte after the last one delivered.
func (c *Client) Open(ctx context.Context, replicas []string) (io.ReadCloser, error) {
	blob := &blob{client: c, ctx: ctx, left: replicas}
	if err := blob.next(errors.New("there are no replicas")); err != nil {
		return nil, err
	}
	return blob, nil
}

type blob struct {
	client *Client
	ctx    context.Context
	left   []string
	now    io.ReadCloser
	offset int64
}

// next opens the next replica that can be opened. The failure of the one before is told when there is none.
func (b *blob) next(failure error) error {
	for len(b.left) > 0 {
		url := b.left[0]
		b.left = b.left[1:]
		stream, err := b.client.site.Open(b.ctx, url)
		if err == nil {
			if _, err = io.CopyN(io.Discard, stream, b.offset); err == nil {
				b.now = stream
				return nil
			}
			err = errors.Join(err, stream.Close())
		}
		failure = fmt.Errorf("%s: %w", url, err)
	}
	return failure
}

func (b *blob) Read(p []byte) (int, error) {
	for {
		n, err := b.now.Read(p)
		b.offset += int64(n)
		if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return n, err
		}
		_ = b.now.Close() // it is broken already
		if failed := b.next(err); failed != nil {
			b.now = io.NopCloser(broken{failed})
			return n, failed
		}
		if n > 0 {
			return n, nil
		}
	}
}

func (b *blob) Close() error { return b.now.Close() }

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
