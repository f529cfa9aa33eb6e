package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"discoproject.org/disco/sdk-go/internal/fetch"
)

func newSite(t *testing.T) (*fetch.Site, string) {
	t.Helper()
	folder := t.TempDir()
	return &fetch.Site{Host: "here", DiscoData: folder, Label: fetch.AllLabels, HTTP: fetch.NewHTTPClient()}, folder
}

func read(site *fetch.Site, url string) (string, error) {
	stream, err := site.Open(context.Background(), url)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(stream)
	return string(data), errors.Join(err, stream.Close())
}

func TestASilentServerIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begin")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/silent" {
			<-release
		}
	}))
	defer server.Close()
	defer close(release)
	site, _ := newSite(t)
	site.Silence = 20 * time.Millisecond
	if _, err := read(site, server.URL+"/silent"); err == nil || !strings.Contains(err.Error(), "nothing came for") {
		t.Errorf("%v", err)
	}
	site.Silence = time.Hour
	if data, err := read(site, server.URL+"/speaks"); data != "begin" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

func TestLimitsOfAnIndex(t *testing.T) {
	site, folder := newSite(t)
	for _, test := range []struct {
		lineBytes int
		good      bool
	}{{fetch.MaxIndexLineBytes - 1, true}, {fetch.MaxIndexLineBytes + 1, false}} {
		line := "0 raw://" + strings.Repeat("x", test.lineBytes-len("0 raw://")) + "\n"
		if err := os.WriteFile(filepath.Join(folder, "index"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(site, "dir://here/disco/index"); (err == nil) != test.good {
			t.Errorf("a line of %d bytes: %v", test.lineBytes, err)
		}
	}
}

func TestIndexesMayNameIndexesButNotForEver(t *testing.T) {
	site, folder := newSite(t)
	for name, line := range map[string]string{"self": "0 dir://here/disco/self\n", "outer": "0 dir://here/disco/inner\n", "inner": "3 raw://a\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := read(site, "dir://here/disco/outer"); data != "a" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := read(site, "dir://here/disco/self"); err == nil || !strings.Contains(err.Error(), "deep") {
		t.Errorf("%v", err)
	}
}

func TestUnknownSchemesAreNamed(t *testing.T) {
	site, _ := newSite(t)
	if _, err := read(site, "gopher://x"); !errors.Is(err, fetch.ErrScheme) || !strings.Contains(err.Error(), "gopher") {
		t.Errorf("%v", err)
	}
}

func TestWebURL(t *testing.T) {
	site := &fetch.Site{DiscoPort: 8989}
	for host, want := range map[string]string{
		"node": "http://node:8989/a@1:2$3", "node:1": "http://node:1/a@1:2$3", "::1": "http://[::1]:8989/a@1:2$3",
		"[::1]:5": "http://[::1]:5/a@1:2$3",
	} {
		if got := site.WebURL(host, "a@1:2$3"); got != want {
			t.Errorf("%s: %s, not %s", host, got, want)
		}
	}
}

func TestARangeOfStatuses(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
	}))
	defer server.Close()
	site, _ := newSite(t)
	for status, good := range map[int]bool{200: true, 204: false, 206: false, 404: false, 503: false} {
		if _, err := read(site, fmt.Sprintf("%s/%d", server.URL, status)); (err == nil) != good {
			t.Errorf("%d: %v", status, err)
		}
	}
}
