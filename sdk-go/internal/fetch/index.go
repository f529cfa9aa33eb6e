package fetch

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of an index.
const (
	MaxIndexLineBytes = 64 << 10
	maxIndexBytes     = 256 << 20
)

// dir reads the outputs that an index names, each opened when its turn comes.
func (s *Site) dir(ctx context.Context, address, rest string, depth int) (io.ReadCloser, error) {
	urls, err := s.Index(ctx, address, rest)
	if err != nil {
		return nil, err
	}
	return &joined{site: s, ctx: ctx, urls: urls, depth: depth + 1}, nil
}

// Index gives the URLs that an index names under the Site's label, in its order. The rest is its URL without the
// scheme.
func (s *Site) Index(ctx context.Context, address, rest string) (urls []string, err error) {
	stream, err := s.disco(ctx, rest)
	if err != nil {
		return nil, fmt.Errorf("index %s: %w", address, err)
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	var content io.Reader = stream
	if strings.HasSuffix(rest, ".gz") {
		if content, err = gzip.NewReader(bufio.NewReader(stream)); err != nil {
			return nil, fmt.Errorf("index %s: %w", address, err)
		}
	}
	limited := &io.LimitedReader{R: content, N: maxIndexBytes}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, MaxIndexLineBytes)
	for lines.Scan() {
		url, wanted, err := s.indexLine(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("index %s: %w", address, err)
		}
		if wanted {
			urls = append(urls, url)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("index %s: %w", address, err)
	}
	if limited.N == 0 {
		return nil, fmt.Errorf("index %s: it is over %d bytes", address, maxIndexBytes)
	}
	return urls, nil
}

func (s *Site) indexLine(line string) (url string, wanted bool, err error) {
	label, url, found := strings.Cut(line, " ")
	number, err := strconv.ParseUint(label, 10, 31)
	if !found || err != nil {
		return "", false, fmt.Errorf("%.100q is no line of an index: `label url`", line)
	}
	return url, s.Label == AllLabels || uint64(s.Label) == number, nil
}

// joined reads the streams of several URLs as one.
type joined struct {
	site  *Site
	ctx   context.Context
	urls  []string
	depth int
	now   io.ReadCloser
}

func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.now == nil {
			if len(j.urls) == 0 {
				return 0, io.EOF
			}
			stream, err := j.site.open(j.ctx, j.urls[0], j.depth)
			if err != nil {
				return 0, err
			}
			j.now, j.urls = stream, j.urls[1:]
		}
		n, err := j.now.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		err = j.now.Close()
		j.now = nil
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (j *joined) Close() error {
	if j.now == nil {
		return nil
	}
	return j.now.Close()
}
