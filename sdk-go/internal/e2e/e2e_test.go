package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"discoproject.org/disco/sdk-go/ddfs"
	"discoproject.org/disco/sdk-go/job"
	"discoproject.org/disco/sdk-go/jobpack"
)

const jobTimeout = 2 * time.Minute

func connect(t *testing.T) (context.Context, *job.Client) {
	t.Helper()
	master := os.Getenv("DISCO_MASTER")
	if master == "" {
		t.Skip("DISCO_MASTER names no master")
	}
	ctx, cancel := context.WithTimeout(context.Background(), jobTimeout)
	t.Cleanup(cancel)
	return ctx, job.New(master)
}

// build makes a worker of a package of this module.
func build(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	command := exec.Command("go", "build", "-o", path, "discoproject.org/disco/sdk-go/"+name)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return path
}

func tagOf(t *testing.T) string {
	return ddfs.SafeName(fmt.Sprintf("test:%s:%d", t.Name(), time.Now().UnixNano()))
}

func TestDDFS(t *testing.T) {
	ctx, client := connect(t)
	dfs, tag := client.DDFS, tagOf(t)
	content := bytes.Repeat([]byte("0123456789"), 300_000)
	sets, err := dfs.Push(ctx, tag, []ddfs.File{ddfs.FromBytes("a", content), ddfs.FromBytes("empty", nil)}, ddfs.TagOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := dfs.Get(ctx, tag)
	if err != nil || len(found.URLs) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	blob, err := dfs.Open(ctx, sets[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(blob); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := blob.Close(); err != nil {
		t.Error(err)
	}
	if _, err := dfs.Tag(ctx, tag, sets[:1], ddfs.TagOptions{Update: true, Delayed: true}); err != nil {
		t.Error(err)
	}
	if found, err := dfs.Get(ctx, tag); err != nil || len(found.URLs) != 2 {
		t.Errorf("an update added a blob that was there: %+v, %v", found, err)
	}
	if names, err := dfs.List(ctx, "test:"); err != nil || !slices.Contains(names, tag) {
		t.Errorf("%v, %v", names, err)
	}
	if err := dfs.SetAttr(ctx, tag, "owner", "ann"); err != nil {
		t.Error(err)
	}
	if value, err := dfs.Attr(ctx, tag, "owner"); value != "ann" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	if err := dfs.DeleteAttr(ctx, tag, "owner"); err != nil {
		t.Error(err)
	}
	if _, err := dfs.Attr(ctx, tag, "owner"); !errors.Is(err, ddfs.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := errors.Join(dfs.SetAttr(ctx, tag, ddfs.WriteToken, "w"), dfs.WithToken("w").SetAttr(ctx, tag, ddfs.ReadToken, "r")); err != nil {
		t.Error(err)
	}
	if _, err := dfs.Get(ctx, tag); !errors.Is(err, ddfs.ErrToken) {
		t.Errorf("%v", err)
	}
	if _, err := dfs.WithToken("r").Get(ctx, tag); err != nil {
		t.Error(err)
	}
	if err := dfs.WithToken("w").Delete(ctx, tag); err != nil {
		t.Error(err)
	}
	if is, err := dfs.Exists(ctx, tag); is || err != nil {
		t.Errorf("%v, %v", is, err)
	}
}

func TestWordCountJob(t *testing.T) {
	ctx, client := connect(t)
	tag := tagOf(t)
	var files []ddfs.File
	want := map[string]int{}
	for i := range 3 {
		var text strings.Builder
		for j := range 20_000 {
			word := fmt.Sprint("w", (i+j)%997)
			want[word]++
			fmt.Fprintf(&text, "%s%c", word, " \n"[j%2])
		}
		files = append(files, ddfs.FromBytes(fmt.Sprint("text", i), []byte(text.String())))
	}
	if _, err := client.DDFS.Push(ctx, tag, files, ddfs.TagOptions{}); err != nil {
		t.Fatal(err)
	}
	inputs, err := client.Inputs(ctx, "tag://"+tag)
	if err != nil {
		t.Fatal(err)
	}
	pack, err := jobpack.Build(jobpack.Spec{
		Worker: build(t, "examples/wordcount"), Map: true, Reduce: true, Partitions: 3, Inputs: inputs, Owner: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	name, err := client.Submit(ctx, pack)
	if err != nil {
		t.Fatal(err)
	}
	urls, err := client.Wait(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for pair, err := range client.Records(ctx, urls) {
		if err != nil {
			t.Fatal(err)
		}
		if count, err := strconv.Atoi(string(pair.Value)); err != nil || want[string(pair.Key)] != count {
			t.Errorf("%s: %s, not %d", pair.Key, pair.Value, want[string(pair.Key)])
		}
		got++
	}
	if got != len(want) {
		t.Errorf("%d words, not %d", got, len(want))
	}
	if err := errors.Join(client.Clean(ctx, name), client.Purge(ctx, name), client.DDFS.Delete(ctx, tag)); err != nil {
		t.Error(err)
	}
}

func TestAFailingJobSaysWhy(t *testing.T) {
	ctx, client := connect(t)
	pack, err := jobpack.Build(jobpack.Spec{
		Worker: build(t, "examples/wordcount"), Prefix: "failing", Reduce: true, Inputs: [][]string{{"raw://no%20records"}},
		Scheduler: jobpack.Scheduler{MaxFailures: new(int)},
	})
	if err != nil {
		t.Fatal(err)
	}
	name, err := client.Submit(ctx, pack)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Wait(ctx, name)
	var failed *job.Error
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "a hunk begins with") {
		t.Errorf("%v", err)
	}
}

func TestABadPackIsRefused(t *testing.T) {
	ctx, client := connect(t)
	if name, err := client.Submit(ctx, []byte("no pack")); err == nil {
		t.Errorf("it became job %s", name)
	}
}

// savedJob runs a job whose results go to DDFS and gives its tag. token, if any, is in the environment of the workers.
func savedJob(ctx context.Context, t *testing.T, client *job.Client, token string) (tag string) {
	t.Helper()
	envs := map[string]string{}
	if token != "" {
		envs["DDFS_WRITE_TOKEN"] = token
	}
	pack, err := jobpack.Build(jobpack.Spec{
		Worker: build(t, "internal/e2e/saving"), Map: true, Reduce: true, Partitions: 2,
		Inputs: [][]string{{"raw://a%20b%20a"}, {"raw://b%20a"}}, Envs: envs,
	})
	if err != nil {
		t.Fatal(err)
	}
	name, err := client.Submit(ctx, pack)
	if err != nil {
		t.Fatal(err)
	}
	urls, err := client.Wait(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	tag = "tag://disco:job:results:" + name
	if !slices.Equal(slices.Compact(urls), []string{tag}) {
		t.Errorf("the results are %v, not %v", urls, tag)
	}
	return tag
}

func checkCounts(ctx context.Context, t *testing.T, client *job.Client, tag string) {
	t.Helper()
	var got []string
	for pair, err := range client.Records(ctx, []string{tag}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(pair.Key)+string(pair.Value))
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"a3", "b2"}) {
		t.Errorf("%v", got)
	}
}

func TestSavedResults(t *testing.T) {
	ctx, client := connect(t)
	checkCounts(ctx, t, client, savedJob(ctx, t, client, ""))
}

// The tag of the results is made with the token, which then is asked for.
func TestSavedResultsWithAToken(t *testing.T) {
	ctx, client := connect(t)
	tag := savedJob(ctx, t, client, "secret")
	if _, err := client.DDFS.Get(ctx, tag); !errors.Is(err, ddfs.ErrToken) {
		t.Errorf("reading without the token: %v", err)
	}
	if err := client.DDFS.WithToken("another").Delete(ctx, tag); !errors.Is(err, ddfs.ErrToken) {
		t.Errorf("deleting with another token: %v", err)
	}
	client.DDFS = client.DDFS.WithToken("secret")
	checkCounts(ctx, t, client, tag)
	if err := client.DDFS.Delete(ctx, tag); err != nil {
		t.Error(err)
	}
}
