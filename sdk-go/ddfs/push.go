package ddfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"discoproject.org/disco/sdk-go/internal/rest"
)

// maxFailedNodes is how many nodes may fail a blob before it is given up.
const maxFailedNodes = 10

// File is something to push. Open is called once for each replica.
type File struct {
	Name string // of the blob
	Open func() (content io.ReadCloser, sizeBytes int64, err error)
}

// FromPath is a local file, whose blob gets its name.
func FromPath(path string) File {
	return File{Name: SafeName(filepath.Base(path)), Open: func() (io.ReadCloser, int64, error) {
		file, err := os.Open(path)
		if err != nil {
			return nil, 0, err
		}
		info, err := file.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, file.Close())
		}
		return file, info.Size(), nil
	}}
}

// FromBytes is data that is at hand.
func FromBytes(name string, data []byte) File {
	return File{Name: SafeName(name), Open: func() (io.ReadCloser, int64, error) {
		return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
	}}
}

// NewBlob asks the master for the URLs that a new blob can be PUT to, on nodes that are not excluded. With 0
// replicas the master decides how many.
func (c *Client) NewBlob(ctx context.Context, name string, replicas int, exclude []string) ([]string, error) {
	values := url.Values{}
	if replicas > 0 {
		values.Set("replicas", strconv.Itoa(replicas))
	}
	if len(exclude) > 0 {
		values.Set("exclude", strings.Join(exclude, ","))
	}
	var targets []string
	err := c.askMaster(ctx, http.MethodGet, "/ddfs/new_blob/"+url.PathEscape(name)+"?"+values.Encode(), nil, &targets)
	if err == nil && len(targets) == 0 {
		err = fmt.Errorf("the master named no node for blob %s", name)
	}
	return targets, err
}

// Push stores files as blobs and tags them. It gives their replica sets, in the order of the files.
func (c *Client) Push(ctx context.Context, tag string, files []File, options TagOptions) ([][]string, error) {
	if _, err := tagName(tag); err != nil {
		return nil, err
	}
	sets := make([][]string, 0, len(files))
	for _, file := range files {
		set, err := c.Store(ctx, file)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	_, err := c.Tag(ctx, tag, sets, options)
	return sets, err
}

// Store stores a file as a blob and gives the URLs of its replicas. It is stored on all nodes that the master names,
// or not at all: when one fails, the master is asked again without it.
func (c *Client) Store(ctx context.Context, file File) ([]string, error) {
	var failed []string
	var failure error
	for {
		targets, err := c.targets(ctx, file.Name, failed)
		if err != nil {
			return nil, errors.Join(err, failure)
		}
		var set []string
		for _, target := range targets {
			stored, err := c.put(ctx, target, file)
			if err != nil {
				failure = err
				failed = append(failed, hostOf(target))
				break
			}
			set = append(set, stored)
		}
		if len(set) == len(targets) {
			return set, nil
		}
		var refused *Error
		if len(failed) > maxFailedNodes || !errors.As(failure, &refused) || ctx.Err() != nil {
			return nil, fmt.Errorf("storing %s: %w", file.Name, failure)
		}
	}
}

// targets asks for fewer replicas when there are too few nodes for all.
func (c *Client) targets(ctx context.Context, name string, exclude []string) ([]string, error) {
	for wanted := c.Replicas; ; wanted-- {
		targets, err := c.NewBlob(ctx, name, wanted, slices.Compact(exclude))
		var refused *Error
		if wanted > 1 && errors.As(err, &refused) && refused.Status == http.StatusForbidden &&
			strings.Contains(refused.Reason, "nodes") {
			continue
		}
		return targets, err
	}
}

func (c *Client) put(ctx context.Context, target string, file File) (stored string, err error) {
	var open []io.Closer
	defer func() {
		for _, one := range open {
			_ = one.Close() // the transport may have done so already
		}
	}()
	err = c.web.Ask(ctx, rest.Request{Method: http.MethodPut, URL: target, Token: c.Token,
		Body: func() (io.Reader, int64, error) {
			content, size, err := file.Open()
			if err != nil {
				return nil, 0, err
			}
			open = append(open, content)
			return content, size, nil
		}}, &stored)
	return stored, err
}

func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return parsed.Hostname()
}
