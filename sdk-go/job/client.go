package job

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"discoproject.org/disco/sdk-go/ddfs"
	"discoproject.org/disco/sdk-go/internal/rest"
)

// longPoll is how long the master may hold a question for results back.
const longPoll = 15 * time.Second

// Status of a job.
type Status string

// Statuses.
const (
	Active  Status = "active"
	Ready   Status = "ready"
	Dead    Status = "dead"
	Unknown Status = "unknown job"
)

// Error says that a job was refused, or has failed.
type Error struct {
	Job    string // "" when it was refused
	Status Status
	Reason string
}

func (e *Error) Error() string {
	if e.Job == "" {
		return "the job was refused: " + e.Reason
	}
	return fmt.Sprintf("job %s is %s: %s", e.Job, e.Status, e.Reason)
}

// Client is a connection to a master. It may be shared by goroutines.
type Client struct {
	// Master is http://host:port.
	Master string
	// DDFS is the DDFS of the same master, which results are read through.
	DDFS *ddfs.Client

	web *rest.Client
}

// New makes a client of the master at a URL, as in http://localhost:8989.
func New(master string) *Client {
	return &Client{Master: strings.TrimSuffix(master, "/"), DDFS: ddfs.New(master), web: rest.New()}
}

// Submit hands in the bytes of a job pack and gives the name of the job.
func (c *Client) Submit(ctx context.Context, pack []byte) (string, error) {
	var reply [2]string
	err := c.web.Ask(ctx, rest.Request{
		Method: http.MethodPost, URL: c.Master + "/disco/job/new", Body: rest.Bytes(pack),
	}, &reply)
	if err != nil {
		return "", err
	}
	if reply[0] != "ok" {
		return "", &Error{Reason: reply[1]}
	}
	return reply[1], nil
}

// Results gives the status of a job, and the URLs of its results when it is Ready. While it is Active the master waits
// with its answer, up to timeout.
func (c *Client) Results(ctx context.Context, name string, timeout time.Duration) (Status, []string, error) {
	var reply [][2]json.RawMessage
	err := c.web.Ask(ctx, rest.Request{
		Method: http.MethodPost, URL: c.Master + "/disco/ctrl/get_results",
		Body: rest.JSON([]any{timeout.Milliseconds(), []string{name}}),
	}, &reply)
	if err != nil {
		return "", nil, err
	}
	if len(reply) != 1 {
		return "", nil, fmt.Errorf("the master told of %d jobs and was asked about one", len(reply))
	}
	var state [2]json.RawMessage
	var status Status
	var urls []string
	err = json.Unmarshal(reply[0][1], &state)
	if err == nil {
		err = json.Unmarshal(state[0], &status)
	}
	if err == nil {
		err = json.Unmarshal(state[1], &urls)
	}
	if err != nil {
		return "", nil, fmt.Errorf("the master's answer about %s: %w", name, err)
	}
	return status, urls, nil
}

// Wait waits until a job has ended and gives the URLs of its results. A job that failed is an *Error.
func (c *Client) Wait(ctx context.Context, name string) ([]string, error) {
	for {
		status, urls, err := c.Results(ctx, name, longPoll)
		if err != nil {
			return nil, err
		}
		switch status {
		case Active:
		case Ready:
			return urls, nil
		default:
			return nil, &Error{Job: name, Status: status, Reason: c.failure(ctx, name)}
		}
	}
}

// failure is why a job failed, as far as the master knows.
func (c *Client) failure(ctx context.Context, name string) string {
	info, err := c.Info(ctx, name)
	if reason, is := info["failure"].(string); err == nil && is {
		return reason
	}
	return "the job's events say why"
}

// Info is what the master tells of a job.
func (c *Client) Info(ctx context.Context, name string) (map[string]any, error) {
	var info map[string]any
	err := c.web.Ask(ctx, rest.Request{
		Method: http.MethodGet, URL: c.Master + "/disco/ctrl/jobinfo?name=" + url.QueryEscape(name),
	}, &info)
	return info, err
}

// Kill ends a job.
func (c *Client) Kill(ctx context.Context, name string) error {
	return c.control(ctx, "kill_job", name)
}

// Clean lets the master forget a job, and leaves its data.
func (c *Client) Clean(ctx context.Context, name string) error {
	return c.control(ctx, "clean_job", name)
}

// Purge deletes all data of a job.
func (c *Client) Purge(ctx context.Context, name string) error {
	return c.control(ctx, "purge_job", name)
}

func (c *Client) control(ctx context.Context, order, name string) error {
	_, err := c.web.Read(ctx, rest.Request{
		Method: http.MethodPost, URL: c.Master + "/disco/ctrl/" + order, Body: rest.JSON(name),
	})
	return err
}
