// Package rest sends requests to a Disco master and its nodes.
//
// What is tried again: a busy server (503) always; a server that cannot be reached, a few times; a cut connection
// only for requests that may be carried out twice, which a POST may not.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"discoproject.org/disco/sdk-go/internal/fetch"
)

const (
	maxReasonBytes = 500
	maxJSONBytes   = 512 << 20
)

// Error says that a server refused a request, or could not be asked.
type Error struct {
	Method, URL string
	Status      int // HTTP's; 0 when there was no answer
	Reason      string
	Err         error // the cause, if there is one
}

func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("%s %s: %s", e.Method, e.URL, e.Reason)
	}
	return fmt.Sprintf("%s %s: refused (%d): %s", e.Method, e.URL, e.Status, e.Reason)
}

func (e *Error) Unwrap() error { return e.Err }

// What errors.Is finds in an Error.
var (
	ErrNotFound = errors.New("not found")
	ErrToken    = errors.New("missing or wrong token")
)

// Is sorts refusals by their status.
func (e *Error) Is(target error) bool {
	return target == ErrNotFound && e.Status == http.StatusNotFound ||
		target == ErrToken && e.Status == http.StatusUnauthorized
}

// Client is safe for use by several goroutines.
type Client struct {
	HTTP                     *http.Client
	Attempts                 int
	UnreachableAttempts      int
	FirstPause, LongestPause time.Duration
}

// New makes a client with the usual patience.
func New() *Client {
	return &Client{
		HTTP: fetch.NewHTTPClient(), Attempts: 10, UnreachableAttempts: 3,
		FirstPause: 100 * time.Millisecond, LongestPause: 5 * time.Second,
	}
}

// Request is what is sent. Body, if there is one, is called for each attempt.
type Request struct {
	Method, URL string
	Token       string
	Header      map[string]string
	Body        func() (body io.Reader, sizeBytes int64, err error)
}

// Bytes is a Body of bytes.
func Bytes(data []byte) func() (io.Reader, int64, error) {
	return func() (io.Reader, int64, error) { return bytes.NewReader(data), int64(len(data)), nil }
}

// JSON is a Body of JSON.
func JSON(value any) func() (io.Reader, int64, error) {
	return func() (io.Reader, int64, error) {
		data, err := json.Marshal(value)
		return bytes.NewReader(data), int64(len(data)), err
	}
}

// Do sends a request and gives a reply with a status below 300, whose body the caller closes. Other errors than
// *Error come from Body and from the context.
func (c *Client) Do(ctx context.Context, request Request) (*http.Response, error) {
	pause, unreachable := c.FirstPause, 0
	for attempt := 1; ; attempt++ {
		reply, err := c.once(ctx, request)
		if err == nil || ctx.Err() != nil {
			return reply, err
		}
		var refused *Error
		if !errors.As(err, &refused) {
			return nil, err
		}
		noAnswer := refused.Status == 0
		reached := !isUnreachable(err)
		if !reached {
			unreachable++
		}
		again := refused.Status == http.StatusServiceUnavailable ||
			noAnswer && (request.Method != http.MethodPost || !reached)
		if !again || attempt >= c.Attempts || unreachable >= c.UnreachableAttempts {
			return nil, err
		}
		if err := sleep(ctx, pause/2+rand.N(pause/2+1)); err != nil {
			return nil, err
		}
		pause = min(2*pause, c.LongestPause)
	}
}

func (c *Client) once(ctx context.Context, request Request) (*http.Response, error) {
	var body io.Reader
	var size int64
	if request.Body != nil {
		var err error
		if body, size, err = request.Body(); err != nil {
			return nil, err
		}
	}
	made, err := http.NewRequestWithContext(ctx, request.Method, request.URL, body)
	if err != nil {
		return nil, err
	}
	made.ContentLength = size
	if body != nil && size == 0 {
		made.Body = http.NoBody
	}
	if request.Token != "" {
		made.SetBasicAuth("token", request.Token)
	}
	for name, value := range request.Header {
		made.Header.Set(name, value)
	}
	reply, err := c.HTTP.Do(made)
	if err != nil {
		return nil, &Error{Method: request.Method, URL: request.URL, Reason: reasonOf(err), Err: err}
	}
	if reply.StatusCode < 300 {
		return reply, nil
	}
	text, _ := io.ReadAll(io.LimitReader(reply.Body, maxReasonBytes))
	_ = reply.Body.Close()
	return nil, &Error{
		Method: request.Method, URL: request.URL, Status: reply.StatusCode,
		Reason: strings.TrimSpace(string(text)),
	}
}

func reasonOf(err error) string {
	if isUnreachable(err) {
		return fmt.Sprintf("no connection: %v (is the Disco master running there?)", errors.Unwrap(err))
	}
	return err.Error()
}

func isUnreachable(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "dial"
}

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

// Ask sends a request and decodes its reply, which is JSON, into answer.
func (c *Client) Ask(ctx context.Context, request Request, answer any) error {
	data, err := c.Read(ctx, request)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return &Error{
			Method: request.Method, URL: request.URL, Err: err,
			Reason: fmt.Sprintf("the reply is not the JSON that was expected: %.80q", data),
		}
	}
	return nil
}

// Read sends a request and gives the whole body of its reply.
func (c *Client) Read(ctx context.Context, request Request) (data []byte, err error) {
	reply, err := c.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	return io.ReadAll(io.LimitReader(reply.Body, maxJSONBytes))
}
