package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"discoproject.org/disco/sdk-go/internal/rest"
)

// serve answers the first requests with the given statuses (0 cuts the connection), and all others with "ok".
func serve(t *testing.T, statuses ...int) (client *rest.Client, url string, bodies func() []string) {
	t.Helper()
	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(body))
		if len(statuses) == 0 {
			_, _ = io.WriteString(w, `"ok"`)
			return
		}
		status := statuses[0]
		statuses = statuses[1:]
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		http.Error(w, "reason", status)
	}))
	t.Cleanup(server.Close)
	client = rest.New()
	client.FirstPause, client.LongestPause, client.Attempts = time.Microsecond, time.Millisecond, 4
	return client, server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		method   string
		statuses []int
		requests int
		good     bool
	}{
		"busy":                {http.MethodPost, []int{503, 503, 503}, 4, true},
		"busy for ever":       {http.MethodGet, []int{503, 503, 503, 503}, 4, false},
		"refused":             {http.MethodGet, []int{403}, 1, false},
		"cut":                 {http.MethodPut, []int{0, 0}, 3, true},
		"cut while it posted": {http.MethodPost, []int{0}, 1, false},
	} {
		client, url, bodies := serve(t, test.statuses...)
		var said string
		err := client.Ask(context.Background(), rest.Request{Method: test.method, URL: url, Body: rest.Bytes([]byte("data"))}, &said)
		if (err == nil) != test.good || len(bodies()) != test.requests {
			t.Errorf("%s: %d requests, %v", name, len(bodies()), err)
		}
		if test.good && (said != "ok" || bodies()[len(bodies())-1] != "data") {
			t.Errorf("%s: said %q, got %q", name, said, bodies())
		}
	}
}

func TestErrorsNameWhatWasAsked(t *testing.T) {
	client, url, _ := serve(t, 404)
	_, err := client.Read(context.Background(), rest.Request{Method: http.MethodGet, URL: url + "/x"})
	if !errors.Is(err, rest.ErrNotFound) || !strings.Contains(err.Error(), url+"/x") || !strings.Contains(err.Error(), "reason") {
		t.Errorf("%v", err)
	}
	var number int
	err = client.Ask(context.Background(), rest.Request{Method: http.MethodGet, URL: url}, &number)
	if err == nil || !strings.Contains(err.Error(), "not the JSON that was expected") {
		t.Errorf("%v", err)
	}
}

func TestTheContextEndsATry(t *testing.T) {
	client, url, _ := serve(t, 503, 503, 503, 503)
	client.FirstPause = time.Hour
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := client.Read(ctx, rest.Request{Method: http.MethodGet, URL: url}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
