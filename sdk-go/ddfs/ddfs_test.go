package ddfs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"discoproject.org/disco/sdk-go/ddfs"
)

// master is a small DDFS: tags in memory, blobs on three nodes that are paths of one server.
type master struct {
	mu     sync.Mutex
	url    string
	tags   map[string]*ddfs.Tag
	tokens map[string]string
	blobs  map[string][]byte
	broken map[string]bool // nodes that refuse blobs
	busy   int             // how many requests are answered with 503
	asked  []string
}

func newMaster(t *testing.T) (*master, *ddfs.Client) {
	t.Helper()
	m := &master{tags: map[string]*ddfs.Tag{}, tokens: map[string]string{}, blobs: map[string][]byte{}, broken: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/ddfs/tags/{prefix...}", m.list)
	mux.HandleFunc("/ddfs/tags", m.list)
	mux.HandleFunc("/ddfs/new_blob/{name}", m.newBlob)
	mux.HandleFunc("/ddfs/tag/{name}", m.tag)
	mux.HandleFunc("/ddfs/tag/{name}/{attribute}", m.attribute)
	mux.HandleFunc("/node/{node}/{name}", m.blob)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.asked = append(m.asked, r.Method+" "+r.URL.String())
		if m.busy > 0 {
			m.busy--
			http.Error(w, "Temporary server error. Try again.", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	m.url = server.URL
	return m, ddfs.New(server.URL)
}

func say(w http.ResponseWriter, value any) { _ = json.NewEncoder(w).Encode(value) }

func (m *master) list(w http.ResponseWriter, r *http.Request) {
	names := []string{}
	for name := range m.tags {
		if strings.HasPrefix(name, r.PathValue("prefix")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	say(w, names)
}

func (m *master) newBlob(w http.ResponseWriter, r *http.Request) {
	replicas, err := strconv.Atoi(r.URL.Query().Get("replicas"))
	if err != nil {
		replicas = 2
	}
	var targets []string
	for _, node := range []string{"127.0.0.1", "localhost", "Localhost"} {
		if !slices.Contains(strings.Split(r.URL.Query().Get("exclude"), ","), node) {
			_, port, _ := strings.Cut(strings.TrimPrefix(m.url, "http://"), ":")
			targets = append(targets, fmt.Sprintf("http://%s:%s/node/%s/%s$1", node, port, node, r.PathValue("name")))
		}
	}
	if replicas > len(targets) {
		http.Error(w, "Not enough nodes for replicas.", http.StatusForbidden)
		return
	}
	say(w, targets[:replicas])
}

func (m *master) blob(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = w.Write(m.blobs[r.URL.Path])
		return
	}
	if m.broken[r.PathValue("node")] {
		http.Error(w, "No volumes", http.StatusInternalServerError)
		return
	}
	m.blobs[r.URL.Path], _ = io.ReadAll(r.Body)
	w.WriteHeader(http.StatusCreated)
	say(w, m.url+r.URL.Path)
}

func (m *master) tag(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	found, known := m.tags[name]
	_, token, _ := r.BasicAuth()
	switch {
	case known && m.tokens[name] != token:
		http.Error(w, "Incorrect or missing token.", http.StatusUnauthorized)
	case r.Method == http.MethodDelete:
		delete(m.tags, name)
		say(w, "deleted")
	case r.Method == http.MethodGet && !known:
		http.Error(w, "Tag not found.", http.StatusNotFound)
	case r.Method == http.MethodGet:
		say(w, found)
	default:
		var sets [][]string
		if err := json.NewDecoder(r.Body).Decode(&sets); err != nil {
			http.Error(w, "Invalid url object", http.StatusForbidden)
			return
		}
		if !known {
			found = &ddfs.Tag{ID: name + "$1", Version: 1, UserData: map[string]string{}}
			m.tags[name], m.tokens[name] = found, token
		}
		if r.Method == http.MethodPost {
			sets = append(sets, found.URLs...)
		}
		found.URLs = sets
		say(w, []string{"disco://host/ddfs/vol0/tag/00/" + name})
	}
}

func (m *master) attribute(w http.ResponseWriter, r *http.Request) {
	data, name := m.tags[r.PathValue("name")].UserData, r.PathValue("attribute")
	switch r.Method {
	case http.MethodPut:
		var value string
		if err := json.NewDecoder(r.Body).Decode(&value); err != nil {
			http.Error(w, "Invalid attribute key or value", http.StatusForbidden)
			return
		}
		data[name] = value
		say(w, []string{})
	case http.MethodDelete:
		delete(data, name)
		say(w, "deleted")
	default:
		value, known := data[name]
		switch {
		case known:
			say(w, value)
		case strings.HasPrefix(name, "ddfs:"):
			say(w, nil)
		default:
			http.Error(w, "Tag attribute not found.", http.StatusNotFound)
		}
	}
}

func TestTags(t *testing.T) {
	_, client := newMaster(t)
	ctx := context.Background()
	for _, set := range [][]string{{"disco://a/1"}, {"disco://b/2", "disco://c/2"}} {
		if _, err := client.Tag(ctx, "data:one", [][]string{set}, ddfs.TagOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := client.Get(ctx, "tag://data:one")
	if err != nil || !reflect.DeepEqual(found.URLs, [][]string{{"disco://b/2", "disco://c/2"}, {"disco://a/1"}}) {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := client.Replace(ctx, "data:one", nil); err != nil {
		t.Error(err)
	}
	if found, err := client.Get(ctx, "data:one"); err != nil || len(found.URLs) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if names, err := client.List(ctx, "data:"); err != nil || !slices.Equal(names, []string{"data:one"}) {
		t.Errorf("%v, %v", names, err)
	}
	if names, err := client.List(ctx, "other"); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
	if err := client.Delete(ctx, "data:one"); err != nil {
		t.Error(err)
	}
	if _, err := client.Get(ctx, "data:one"); !errors.Is(err, ddfs.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if is, err := client.Exists(ctx, "data:one"); is || err != nil {
		t.Errorf("%v, %v", is, err)
	}
	for _, name := range []string{"", "a/b", "é", "tag://"} {
		if _, err := client.Get(ctx, name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestAttributes(t *testing.T) {
	_, client := newMaster(t)
	ctx := context.Background()
	if _, err := client.Tag(ctx, "a", nil, ddfs.TagOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.SetAttr(ctx, "a", "owner", "ann"); err != nil {
		t.Error(err)
	}
	if value, err := client.Attr(ctx, "a", "owner"); value != "ann" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	if value, err := client.Attr(ctx, "a", ddfs.ReadToken); value != "" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	if err := client.DeleteAttr(ctx, "a", "owner"); err != nil {
		t.Error(err)
	}
	if _, err := client.Attr(ctx, "a", "owner"); !errors.Is(err, ddfs.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestTokens(t *testing.T) {
	_, client := newMaster(t)
	ctx := context.Background()
	if _, err := client.WithToken("secret").Tag(ctx, "mine", nil, ddfs.TagOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(ctx, "mine"); !errors.Is(err, ddfs.ErrToken) {
		t.Errorf("%v", err)
	}
	if is, err := client.Exists(ctx, "mine"); !is || err != nil {
		t.Errorf("%v, %v", is, err)
	}
	if _, err := client.WithToken("secret").Get(ctx, "mine"); err != nil {
		t.Error(err)
	}
}

func TestPushAndOpen(t *testing.T) {
	m, client := newMaster(t)
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "a file.txt")
	content := bytes.Repeat([]byte("0123456789"), 50_000)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	m.busy = 2
	sets, err := client.Push(ctx, "data", []ddfs.File{ddfs.FromPath(path), ddfs.FromBytes("empty", nil)}, ddfs.TagOptions{Update: true})
	if err != nil || len(sets) != 2 || len(sets[0]) != 2 {
		t.Fatalf("%v, %v", sets, err)
	}
	if !strings.HasSuffix(sets[0][0], "/a_file_txt$1") {
		t.Errorf("the blob is called %s", sets[0][0])
	}
	for i, want := range [][]byte{content, {}} {
		blob, err := client.Open(ctx, append([]string{"http://127.0.0.1:1/gone"}, sets[i]...))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(blob)
		if err != nil || !bytes.Equal(got, want) || blob.Close() != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if _, err := client.Open(ctx, nil); err == nil {
		t.Error("a blob without replicas can be opened")
	}
	if last := m.asked[len(m.asked)-4]; !strings.Contains(strings.Join(m.asked, "\n"), "POST /ddfs/tag/data?update=1") {
		t.Errorf("the tag was not updated: %s", last)
	}
}

func TestABrokenNodeIsLeftOut(t *testing.T) {
	m, client := newMaster(t)
	m.broken["127.0.0.1"] = true
	set, err := client.Store(context.Background(), ddfs.FromBytes("x", []byte("data")))
	if err != nil || len(set) != 2 || strings.Contains(strings.Join(set, " "), "/node/127.0.0.1/") {
		t.Errorf("%v, %v", set, err)
	}
	client.Replicas = 3
	if set, err = client.Store(context.Background(), ddfs.FromBytes("y", []byte("data"))); err != nil || len(set) != 2 {
		t.Errorf("with too few nodes for 3 replicas: %v, %v", set, err)
	}
	m.broken["localhost"], m.broken["Localhost"] = true, true
	if set, err = client.Store(context.Background(), ddfs.FromBytes("z", nil)); err == nil {
		t.Errorf("no node took it, but it is at %v", set)
	}
}

func TestBlobsOfLinkedTags(t *testing.T) {
	_, client := newMaster(t)
	ctx := context.Background()
	for name, sets := range map[string][][]string{
		"a": {{"disco://1"}, {"tag://b"}, {}, {"tag://gone"}},
		"b": {{"disco://2", "disco://3"}, {"tag://a"}},
	} {
		if _, err := client.Tag(ctx, name, sets, ddfs.TagOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for set, err := range client.Blobs(ctx, "tag://a") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join(set, "+"))
	}
	if want := []string{"disco://1", "disco://2+disco://3"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for _, err := range client.Blobs(ctx, "gone") {
		if !errors.Is(err, ddfs.ErrNotFound) {
			t.Errorf("%v", err)
		}
	}
}

func TestAnUnreachableMasterIsNamed(t *testing.T) {
	_, err := ddfs.New("http://127.0.0.1:1").List(context.Background(), "")
	var refused *ddfs.Error
	if !errors.As(err, &refused) || refused.Status != 0 || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("%v", err)
	}
}

func TestReadingGoesOnInTheNextReplica(t *testing.T) {
	content := strings.Repeat("0123456789", 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		cut, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			cut = len(content)
		}
		_, _ = io.WriteString(w, content[:cut])
		_ = http.NewResponseController(w).Flush()
		if cut < len(content) {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	client := ddfs.New("http://localhost")
	for _, test := range []struct {
		replicas []string
		whole    bool
	}{
		{[]string{"/100", "/9000", "/5", "/whole"}, true},
		{[]string{"/100", "/9000"}, false},
	} {
		var urls []string
		for _, path := range test.replicas {
			urls = append(urls, server.URL+path)
		}
		blob, err := client.Open(context.Background(), urls)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(blob)
		if (string(got) == content) != test.whole || (err == nil) != test.whole {
			t.Errorf("%v: %d bytes, %v", test.replicas, len(got), err)
		}
		if n, again := blob.Read(make([]byte, 1)); !test.whole && (n > 0 || again == nil) {
			t.Errorf("after its error it gave %d bytes, %v", n, again)
		}
		if err := blob.Close(); err != nil {
			t.Error(err)
		}
	}
}
