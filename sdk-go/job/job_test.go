package job_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"discoproject.org/disco/sdk-go/job"
	"discoproject.org/disco/sdk-go/record"
)

// newMaster answers as a master with one job does, whose status comes from a list.
func newMaster(t *testing.T, statuses ...string) (*job.Client, *[]string) {
	t.Helper()
	var stream bytes.Buffer
	writer, err := record.NewWriter(&stream, record.Zlib)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writer.Write([]byte("a"), []byte("1")), writer.Flush()); err != nil {
		t.Fatal(err)
	}
	asked := &[]string{}
	var host string
	mux := http.NewServeMux()
	say := func(pattern string, value func() any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			*asked = append(*asked, r.URL.String()+" "+string(body))
			_ = json.NewEncoder(w).Encode(value())
		})
	}
	say("POST /disco/job/new", func() any {
		if len(statuses) == 0 {
			return []string{"error", "invalid prefix"}
		}
		return []string{"ok", "count@1:2:3"}
	})
	say("POST /disco/ctrl/get_results", func() any {
		status := statuses[0]
		statuses = statuses[1:]
		urls := []string{}
		if status == "ready" {
			urls = []string{"dir://" + host + "/disco/index", "tag://results"}
		}
		return []any{[]any{"count@1:2:3", []any{status, urls}}}
	})
	say("GET /disco/ctrl/jobinfo", func() any { return map[string]any{"failure": "map:0 said FATAL"} })
	say("POST /disco/ctrl/{order}", func() any { return "" })
	say("GET /ddfs/tag/results", func() any { return map[string]any{"urls": [][]string{{"disco://" + host + "/disco/part"}}} })
	mux.HandleFunc("GET /disco/index", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "0 disco://%s/disco/part\n1 disco://%[1]s/disco/part\n", host)
	})
	mux.HandleFunc("GET /disco/part", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(stream.Bytes()) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	return job.New(server.URL), asked
}

func TestSubmitWaitAndRead(t *testing.T) {
	client, asked := newMaster(t, "active", "active", "ready")
	ctx := context.Background()
	name, err := client.Submit(ctx, []byte("a pack"))
	if err != nil || name != "count@1:2:3" {
		t.Fatal(name, err)
	}
	urls, err := client.Wait(ctx, name)
	if err != nil || len(urls) != 2 {
		t.Fatal(urls, err)
	}
	var got []string
	for one, err := range client.Records(ctx, urls) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(one.Key)+string(one.Value))
	}
	if !slices.Equal(got, []string{"a1", "a1", "a1"}) {
		t.Errorf("%v", got)
	}
	stream := client.Open(ctx, urls)
	records := 0
	for _, err := range record.NewReader(stream, "results").All() {
		if err != nil {
			t.Fatal(err)
		}
		records++
	}
	if err := stream.Close(); err != nil || records != 3 {
		t.Errorf("%d records, %v", records, err)
	}
	if (*asked)[0] != "/disco/job/new a pack" || !slices.Contains(*asked, `/disco/ctrl/get_results [15000,["count@1:2:3"]]`) {
		t.Errorf("%q", *asked)
	}
}

func TestAFailedJobSaysWhy(t *testing.T) {
	client, _ := newMaster(t, "active", "dead")
	_, err := client.Wait(context.Background(), "count@1:2:3")
	var failed *job.Error
	if !errors.As(err, &failed) || failed.Status != job.Dead || !strings.Contains(err.Error(), "map:0 said FATAL") {
		t.Errorf("%v", err)
	}
}

func TestARefusedJobSaysWhy(t *testing.T) {
	client, _ := newMaster(t)
	_, err := client.Submit(context.Background(), nil)
	var refused *job.Error
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "invalid prefix") {
		t.Errorf("%v", err)
	}
}

func TestOrders(t *testing.T) {
	client, asked := newMaster(t)
	ctx := context.Background()
	if err := errors.Join(client.Kill(ctx, "j@1"), client.Purge(ctx, "j@1")); err != nil {
		t.Error(err)
	}
	if want := []string{`/disco/ctrl/kill_job "j@1"`, `/disco/ctrl/purge_job "j@1"`}; !slices.Equal(*asked, want) {
		t.Errorf("%q", *asked)
	}
}

func TestResultsThatAreGoneAreAnError(t *testing.T) {
	client, _ := newMaster(t)
	gone := []string{client.Master + "/gone"}
	for _, err := range client.Records(context.Background(), gone) {
		if err == nil {
			t.Error("a record of nothing")
		}
	}
	if _, err := io.ReadAll(client.Open(context.Background(), gone)); err == nil {
		t.Error("a stream of nothing")
	}
}

func TestInputsOfATagAreItsBlobs(t *testing.T) {
	client, _ := newMaster(t)
	inputs, err := client.Inputs(context.Background(), "raw://a", "tag://results")
	if err != nil || len(inputs) != 2 || inputs[0][0] != "raw://a" || !strings.HasSuffix(inputs[1][0], "/disco/part") {
		t.Errorf("%v, %v", inputs, err)
	}
	if _, err := client.Inputs(context.Background(), "tag://gone"); err == nil {
		t.Error("a tag that is gone has blobs")
	}
}
