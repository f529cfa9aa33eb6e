// Package fetch opens the URLs that inputs and results have, as streams.
//
//	raw://DATA          the data itself, percent-encoded
//	file://PATH         a file of this machine
//	http(s)://…         a web address
//	disco://HOST/PATH   a file that a node keeps: opened directly on that node, else from its web server
//	dir://HOST/PATH     an index of outputs: those of one label, or all, one after another
//
// Any error means that this place is no good, and another replica should be tried.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"
)

// AllLabels is the Label of a Site that reads every line of an index.
const AllLabels = -1

// Limits of time and depth.
const (
	connectTimeout = 10 * time.Second
	silenceTimeout = 60 * time.Second
	// maxIndexDepth is how deep indexes may name indexes.
	maxIndexDepth = 4
)

// ErrScheme says that a URL has a scheme that cannot be read here.
var ErrScheme = errors.New("unknown scheme")

// Site is the place where URLs are opened.
type Site struct {
	Host      string // of this node; "" when this is none
	DiscoPort int    // where nodes serve files
	DiscoData string // where this node keeps /disco/
	DDFSData  string // where this node keeps /ddfs/
	Label     int    // which lines of an index are read
	HTTP      *http.Client
	// Silence is how long a server may send nothing; 0 means a minute.
	Silence time.Duration
}

// NewHTTPClient makes a client with limits of time and few open connections. It takes no settings from the
// environment.
func NewHTTPClient() *http.Client {
	dialer := &net.Dialer{Timeout: connectTimeout}
	return &http.Client{Transport: &http.Transport{
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: silenceTimeout,
		MaxIdleConns:          4,
		MaxIdleConnsPerHost:   1,
		IdleConnTimeout:       5 * time.Second,
		DisableCompression:    true,
	}}
}

// Open opens a URL. The caller closes the stream.
func (s *Site) Open(ctx context.Context, address string) (io.ReadCloser, error) {
	return s.open(ctx, address, 0)
}

func (s *Site) open(ctx context.Context, address string, depth int) (io.ReadCloser, error) {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return nil, fmt.Errorf("%q: %w: a URL begins with scheme://", address, ErrScheme)
	}
	switch scheme {
	case "raw":
		return io.NopCloser(bytes.NewReader(unquote(rest))), nil
	case "file":
		return openFile(strings.TrimPrefix(rest, "localhost"))
	case "http", "https":
		return s.get(ctx, address)
	case "disco":
		return s.disco(ctx, rest)
	case "dir":
		if depth == maxIndexDepth {
			return nil, fmt.Errorf("%s: indexes name each other more than %d deep", address, maxIndexDepth)
		}
		return s.dir(ctx, address, rest, depth)
	}
	return nil, fmt.Errorf("%s: %w %q: raw, file, http, https, disco and dir can be read", address, ErrScheme, scheme)
}

// unquote undoes percent-encoding; what is no encoding stays as it is.
func unquote(text string) []byte {
	data := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			high, low := hexDigit(text[i+1]), hexDigit(text[i+2])
			if high >= 0 && low >= 0 {
				data = append(data, byte(high<<4|low))
				i += 2
				continue
			}
		}
		data = append(data, text[i])
	}
	return data
}

func hexDigit(b byte) int { return strings.IndexByte("0123456789abcdef", lower(b)) }

func lower(b byte) byte {
	if 'A' <= b && b <= 'F' {
		return b + 'a' - 'A'
	}
	return b
}

// disco opens HOST/PATH: as a file where it is one of this node's, else over HTTP.
func (s *Site) disco(ctx context.Context, rest string) (io.ReadCloser, error) {
	host, name, _ := strings.Cut(rest, "/")
	if local := s.localPath(host, name); local != "" {
		file, err := openFile(local)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return s.get(ctx, s.WebURL(host, name))
}

// WebURL is the web address of a path that a node serves.
func (s *Site) WebURL(host, name string) string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), fmt.Sprint(s.DiscoPort))
	}
	address := url.URL{Scheme: "http", Host: host, Path: "/" + name}
	return address.String()
}

// localPath is the file behind HOST/PATH on this node, or "".
func (s *Site) localPath(host, name string) string {
	if s.Host == "" || host != s.Host {
		return ""
	}
	prefix, inside, _ := strings.Cut(name, "/")
	root := map[string]string{"disco": s.DiscoData, "ddfs": s.DDFSData}[prefix]
	if root == "" || path.Clean("/"+inside) != "/"+inside {
		return ""
	}
	return root + "/" + inside
}

func openFile(name string) (io.ReadCloser, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// get streams the body of a web address. A body that ends before its announced length is an error when it does.
func (s *Site) get(ctx context.Context, address string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	reply, err := s.HTTP.Do(request)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		cancel(nil)
		return nil, errors.Join(fmt.Errorf("%s: HTTP status %s", address, reply.Status), reply.Body.Close())
	}
	silence := s.Silence
	if silence == 0 {
		silence = silenceTimeout
	}
	body := &webBody{body: reply.Body, ctx: ctx, cancel: cancel, address: address, silence: silence}
	body.timer = time.AfterFunc(silence, func() {
		cancel(fmt.Errorf("nothing came for %v", silence))
	})
	return body, nil
}

// webBody gives up when the server says nothing for too long.
type webBody struct {
	body    io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	address string
	silence time.Duration
	timer   *time.Timer
}

func (b *webBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.silence)
	n, err := b.body.Read(p)
	b.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
		err = fmt.Errorf("%s: %w", b.address, err)
	}
	return n, err
}

func (b *webBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.body.Close()
}
