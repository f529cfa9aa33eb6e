package disco_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/protocol"
)

// filesIn names all files below a folder.
func filesIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestOutputs(t *testing.T) {
	result := discotest.Run(t, &disco.Worker{Task: func(_ context.Context, task *disco.Task) error {
		for label := range 3 {
			part, err := task.Part(2 - label)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(part, "part %d", 2-label); err != nil {
				return err
			}
			if label == 0 {
				if err := errors.Join(part.Close(), part.Close()); err != nil {
					return err
				}
				if _, err := part.Write([]byte("more")); !errors.Is(err, disco.ErrClosed) {
					return disco.Fatalf("writing to a closed output: %v", err)
				}
			}
		}
		out, err := task.Output()
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, "whole")
		return err
	}}, discotest.Task{})
	if result.Err != nil || len(result.Outputs) != 4 {
		t.Fatalf("%d outputs, %v", len(result.Outputs), result.Err)
	}
	if got := fmt.Sprintf("%s, %s, %s", result.Part(0), result.Part(2), result.Disco()); got != "part 0, part 2, whole" {
		t.Error(got)
	}
	seen := map[string]bool{}
	for _, output := range result.Outputs {
		if seen[output.Location] || !strings.HasPrefix(output.Location, ".disco/out/map-0-") {
			t.Errorf("location %q", output.Location)
		}
		seen[output.Location] = true
	}
}

func TestAFailedTaskLeavesNothing(t *testing.T) {
	home := t.TempDir()
	disc := &discotest.Disco{Home: home, Tasks: []discotest.Task{{}}}
	result := disc.Run(t, &disco.Worker{Task: func(_ context.Context, task *disco.Task) error {
		if _, err := task.TempDir(); err != nil {
			return err
		}
		out, err := task.Output()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(out, "half"); err != nil {
			return err
		}
		return disco.Elsewheref("not today")
	}})
	if left := filesIn(t, home); len(left) > 0 || len(result.Outputs) > 0 || ending(result) != "ERROR" {
		t.Errorf("%v is left, %s", left, ending(result))
	}
}

func TestOverlookedOutputErrorsFailTheTask(t *testing.T) {
	result := discotest.Run(t, &disco.Worker{Task: func(_ context.Context, task *disco.Task) error {
		_, _ = task.Part(-1) // the error is not looked at
		folder, err := task.TempDir()
		if err != nil {
			return err
		}
		out, err := task.Output()
		if err != nil {
			return err
		}
		// The directory is gone, as after a careless clean-up: the output cannot take its name.
		if err := os.RemoveAll(filepath.Dir(folder)); err != nil {
			return err
		}
		_ = out.Close()
		return nil
	}}, discotest.Task{})
	if ending(result) != "ERROR" {
		t.Errorf("%s, %v", ending(result), result.Err)
	}
}

func TestLabelsOnBothSidesOfTheLimit(t *testing.T) {
	for label, want := range map[int]string{0: "DONE", protocol.MaxLabel: "DONE", -1: "FATAL", protocol.MaxLabel + 1: "FATAL"} {
		result := discotest.Run(t, &disco.Worker{Task: func(_ context.Context, task *disco.Task) error {
			_, err := task.Part(label)
			return err
		}}, discotest.Task{})
		if ending(result) != want {
			t.Errorf("label %d: %s", label, ending(result))
		}
	}
}

// ddfsServer takes one blob and tags it; it gives what it was told.
func ddfsServer(t *testing.T) (url string, told func() []string) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, token, _ := r.BasicAuth()
		mu.Lock()
		lines = append(lines, fmt.Sprintf("%s %s %s token=%s", r.Method, r.URL, body, token))
		mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	answer := func(pattern string, status int, value any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(value)
		})
	}
	answer("GET /ddfs/new_blob/", http.StatusOK, []string{server.URL + "/put/blob$1-2-3"})
	answer("PUT /put/", http.StatusCreated, "disco://n/ddfs/vol0/blob/ab/blob$1-2-3")
	answer("POST /ddfs/tag/", http.StatusOK, []string{"disco://n/tag"})
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return lines
	}
}

func TestSavedOutput(t *testing.T) {
	url, told := ddfsServer(t)
	task := discotest.Task{}
	task.Master, task.JobName, task.TaskID = url, "count@1:2:3", 4
	home := t.TempDir()
	disc := &discotest.Disco{Home: home, Tasks: []discotest.Task{task}}
	result := disc.Run(t, &disco.Worker{Token: "secret", Task: func(_ context.Context, task *disco.Task) error {
		out, err := task.Saved("")
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, "data")
		return err
	}})
	const tag = "disco:job:results:count@1:2:3"
	if len(result.Outputs) != 1 || result.Outputs[0].Location != tag || result.Outputs[0].Type != protocol.TypeTag {
		t.Errorf("%+v, %v", result.Outputs, result.Err)
	}
	want := []string{
		"GET /ddfs/new_blob/disco:blob:count@1:2:3:map-4-0?  token=secret",
		"PUT /put/blob$1-2-3 data token=secret",
		"POST /ddfs/tag/" + tag + `?delayed=1&update=1 [["disco://n/ddfs/vol0/blob/ab/blob$1-2-3"]] token=secret`,
	}
	if got := told(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("DDFS was told\n%s", strings.Join(got, "\n"))
	}
	if left := filesIn(t, home); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
