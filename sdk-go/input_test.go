package disco_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/jobpack"
	"discoproject.org/disco/sdk-go/protocol"
	"discoproject.org/disco/sdk-go/record"
)

func dictOf(partitions int) jobpack.Dict {
	return jobpack.Dict{Prefix: "test", Map: true, Reduce: true, Partitions: partitions}
}

var hasty = disco.Settings{FirstPause: time.Microsecond, LongestPause: time.Millisecond}

const dead = "http://127.0.0.1:1/gone"

// inputErrs are the reports of failed replicas, as text.
func inputErrs(result *discotest.Result) string {
	var said []string
	for _, request := range result.Requests {
		if report, is := request.(protocol.InputErr); is {
			said = append(said, fmt.Sprint(report.InputID, report.ReplicaIDs))
		}
	}
	return strings.Join(said, "; ")
}

func TestInputsAndReplicas(t *testing.T) {
	for name, test := range map[string]struct {
		inputs  []discotest.Input
		want    string // "" when the task fails
		reports string
	}{
		"none":                {nil, "", ""},
		"listed late":         {[]discotest.Input{{ID: 5, Replicas: []string{"raw://a"}}, {ID: 2, Replicas: []string{"raw://b"}, FromPoll: 4}}, "ab", ""},
		"busy":                {[]discotest.Input{{Replicas: []string{"raw://a"}, Busy: 3}, {ID: 1, Replicas: []string{"raw://b"}}}, "ba", ""},
		"best first":          {[]discotest.Input{{Replicas: []string{"raw://a", "raw://b"}}}, "a", ""},
		"second replica":      {[]discotest.Input{{Replicas: []string{dead, "raw://b"}}}, "b", ""},
		"no such scheme":      {[]discotest.Input{{Replicas: []string{"gopher://x", "raw://b"}}}, "b", ""},
		"retry":               {[]discotest.Input{{ID: 7, Replicas: []string{dead, dead}, Spare: []string{dead, "raw://c"}}}, "c", "7 [0 1]; 7 [2]"},
		"wait":                {[]discotest.Input{{Replicas: []string{dead}, WaitSeconds: 1, Made: []string{"raw://d"}}}, "d", "0 [0]"},
		"lost":                {[]discotest.Input{{ID: 31, Replicas: []string{dead}}}, "-", "31 [0]"},
		"failed, but there":   {[]discotest.Input{{Replicas: []string{"raw://a"}, Failed: true}}, "a", ""},
		"failed":              {[]discotest.Input{{ID: 3, Failed: true}}, "-", ""},
		"ok without replicas": {[]discotest.Input{{ID: 3}}, "-", ""},
	} {
		t.Run(name, func(t *testing.T) {
			result := discotest.Run(t, &disco.Worker{Task: echo, Settings: hasty}, discotest.Task{Inputs: test.inputs})
			if got := inputErrs(result); got != test.reports {
				t.Errorf("reported %q, not %q", got, test.reports)
			}
			if test.want != "-" {
				if string(result.Disco()) != test.want || result.Err != nil {
					t.Errorf("read %q, %v", result.Disco(), result.Err)
				}
				return
			}
			id := strconv.FormatInt(test.inputs[0].ID, 10)
			if ending(result) != "ERROR" || !errors.Is(result.Err, disco.ErrReplica) || !strings.Contains(result.Text(), "input "+id) {
				t.Errorf("%s: %q, %v", ending(result), result.Text(), result.Err)
			}
		})
	}
}

func TestOverlookedInputErrorsFailTheTask(t *testing.T) {
	task := raw("raw://a", dead)
	result := discotest.Run(t, &disco.Worker{Task: func(ctx context.Context, task *disco.Task) error {
		for input := range task.Inputs(ctx) {
			for range input.Lines(ctx) { // the error is not looked at
			}
		}
		return nil
	}}, task)
	if ending(result) != "ERROR" {
		t.Errorf("the task ended with %s", ending(result))
	}
}

// cutServer serves data, and breaks the connection of /cut/N after N bytes.
func cutServer(t *testing.T, data []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		cut, is := strings.CutPrefix(r.URL.Path, "/cut/")
		if !is {
			_, _ = w.Write(data)
			return
		}
		size, _ := strconv.Atoi(cut)
		_, _ = w.Write(data[:size])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func stream(t *testing.T, count int) []byte {
	t.Helper()
	var out bytes.Buffer
	writer, err := record.NewWriter(&out, record.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	for i := range count {
		if err := writer.Write([]byte(strconv.Itoa(i)), []byte("v")); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			if err := writer.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out.Bytes()
}

// collect reads each input in a way and gives what was read.
func collect(t *testing.T, how string, replicas ...string) (string, *discotest.Result) {
	t.Helper()
	var got strings.Builder
	task := discotest.Task{Inputs: []discotest.Input{{Replicas: replicas}}}
	result := discotest.Run(t, &disco.Worker{Settings: hasty, Task: func(ctx context.Context, task *disco.Task) error {
		got.Reset()
		for input, err := range task.Inputs(ctx) {
			if err != nil {
				return err
			}
			switch how {
			case "lines":
				for line, err := range input.Lines(ctx) {
					if err != nil {
						return err
					}
					fmt.Fprintf(&got, "%s;", line)
				}
			case "records":
				for one, err := range input.Records(ctx) {
					if err != nil {
						return err
					}
					fmt.Fprintf(&got, "%s;", one.Key)
				}
			default:
				buffer := make([]byte, 13)
				stream := input.Open(ctx)
				for {
					n, err := stream.Read(buffer)
					got.Write(buffer[:n])
					if err != nil {
						break
					}
				}
			}
		}
		return nil
	}}, task)
	return got.String(), result
}

func TestReadingGoesOnInTheNextReplica(t *testing.T) {
	var lines, keys strings.Builder
	var text bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&lines, "line %d;", i)
		fmt.Fprintf(&text, "line %d\n", i)
		fmt.Fprintf(&keys, "%d;", i)
	}
	records := stream(t, 100)
	for how, test := range map[string]struct {
		data []byte
		want string
	}{
		"bytes":   {text.Bytes(), text.String()},
		"lines":   {text.Bytes(), lines.String()},
		"records": {records, keys.String()},
	} {
		url := cutServer(t, test.data)
		size := len(test.data)
		for _, cuts := range [][]int{{0}, {1}, {size - 1}, {size / 2}, {size / 3, size / 2}, {size / 2, size / 3}, {size / 2, size / 2}} {
			var replicas []string
			for _, cut := range cuts {
				replicas = append(replicas, fmt.Sprintf("%s/cut/%d", url, cut))
			}
			got, result := collect(t, how, append(replicas, url)...)
			if got != test.want || result.Err != nil {
				t.Errorf("%s cut at %v: %d bytes, not %d (%v)", how, cuts, len(got), len(test.want), result.Err)
			}
		}
	}
}

func TestDamagedRecordsAreReadElsewhere(t *testing.T) {
	good := stream(t, 100)
	damaged := bytes.Clone(good)
	damaged[len(damaged)/2] ^= 0xff
	got, result := collect(t, "records", cutServer(t, damaged), cutServer(t, good))
	if strings.Count(got, ";") != 100 || result.Err != nil {
		t.Errorf("%d records, %v", strings.Count(got, ";"), result.Err)
	}
	_, result = collect(t, "records", cutServer(t, damaged))
	var damage *record.DataError
	if ending(result) != "ERROR" || !errors.As(result.Err, &damage) || damage.Offset == 0 {
		t.Errorf("%s, %v", ending(result), result.Err)
	}
}

func TestAShorterReplicaIsNoReplica(t *testing.T) {
	long, short := []byte("a\nb\nc\nd\n"), []byte("a\n")
	url := cutServer(t, long)
	_, result := collect(t, "lines", url+"/cut/7", cutServer(t, short))
	if ending(result) != "ERROR" {
		t.Errorf("%s, %v", ending(result), result.Err)
	}
}

func TestDataMadeAnewIsNotMixedWithTheOld(t *testing.T) {
	url := cutServer(t, []byte("a\nb\nc\n"))
	input := discotest.Input{Replicas: []string{url + "/cut/4"}, WaitSeconds: 1, Made: []string{url}}
	result := discotest.Run(t, &disco.Worker{Task: echo, Settings: hasty}, discotest.Task{Inputs: []discotest.Input{input}})
	if ending(result) != "ERROR" || !strings.Contains(result.Text(), "made again") {
		t.Errorf("%s: %q", ending(result), result.Text())
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSchemes(t *testing.T) {
	files := t.TempDir()
	served := httptest.NewServer(http.FileServer(http.Dir(files)))
	t.Cleanup(served.Close)
	there := strings.TrimPrefix(served.URL, "http://")
	writeFile(t, files+"/disco/remote", []byte("remote"))
	writeFile(t, files+"/data/h/local", []byte("local"))
	writeFile(t, files+"/ddfs-data/vol0/blob", []byte("blob"))
	index := "0 disco://" + there + "/disco/remote\n1 disco://here/ddfs/vol0/blob\n1 disco://here/disco/h/local\n"
	writeFile(t, files+"/data/index", []byte(index))
	writeFile(t, files+"/data/index.gz", gzipped(t, index))
	writeFile(t, files+"/data/cut.gz", gzipped(t, strings.Repeat(index, 100))[:60])
	writeFile(t, files+"/data/bad", []byte("disco://here/disco/h/local\n"))
	for url, want := range map[string]struct{ mapped, reduced string }{
		"raw://a%20%zz%":                        {"a %zz%", "a %zz%"},
		"raw://%41%c3%A9":                       {"Aé", "Aé"},
		"file://" + files + "/disco/remote":     {"remote", "remote"},
		served.URL + "/disco/remote":            {"remote", "remote"},
		"disco://" + there + "/disco/remote":    {"remote", "remote"},
		"disco://here/disco/h/local":            {"local", "local"},
		"disco://here/ddfs/vol0/blob":           {"blob", "blob"},
		"dir://here/disco/index":                {"remotebloblocal", "bloblocal"},
		"dir://here/disco/index.gz":             {"remotebloblocal", "bloblocal"},
		"dir://here/disco/cut.gz":               {"ERROR", "ERROR"},
		"dir://here/disco/bad":                  {"ERROR", "ERROR"},
		"disco://here/disco/h/../../etc/passwd": {"ERROR", "ERROR"},
		"file://" + files:                       {"ERROR", "ERROR"},
		"no-scheme":                             {"ERROR", "ERROR"},
	} {
		for mode, want := range map[protocol.Mode]string{protocol.Map: want.mapped, protocol.Reduce: want.reduced} {
			task := raw(url)
			task.Host, task.Mode, task.TaskID = "here", mode, 1
			task.DiscoData, task.DDFSData, task.DiscoPort = files+"/data", files+"/ddfs-data", 1
			result := discotest.Run(t, &disco.Worker{Task: echo}, task)
			if got := string(result.Disco()); got != want && ending(result) != want {
				t.Errorf("%s in a %s: %q, %s, want %q (%v)", url, mode, got, ending(result), want, result.Err)
			}
		}
	}
}

func TestAMissingLocalFileIsAskedForOverHTTP(t *testing.T) {
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.Path))
	}))
	t.Cleanup(served.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(served.URL, "http://"), ":")
	task := raw("disco://127.0.0.1/disco/h/missing@1:2$3")
	task.Host = "127.0.0.1"
	task.DiscoPort, _ = strconv.Atoi(port)
	result := discotest.Run(t, &disco.Worker{Task: echo}, task)
	if got := string(result.Disco()); got != "/disco/h/missing@1:2$3" {
		t.Errorf("%q, %v", got, result.Err)
	}
}

func TestAllLabels(t *testing.T) {
	home := t.TempDir()
	writeFile(t, home+"/index", []byte("0 raw://a\n1 raw://b\n2 raw://c\n"))
	task := raw("dir://here/disco/index")
	task.Host, task.Mode, task.TaskID, task.DiscoData = "here", protocol.Reduce, 1, home
	result := discotest.Run(t, &disco.Worker{Task: func(ctx context.Context, task *disco.Task) error {
		task.AllLabels()
		return echo(ctx, task)
	}}, task)
	if string(result.Disco()) != "abc" {
		t.Errorf("%q, %v", result.Disco(), result.Err)
	}
}

func TestWaitingForReplicasThatAreBeingMade(t *testing.T) {
	ready := `["done",[[0,"ok",[[1,"raw://made"]]]]]`
	busy := `["done",[[0,"busy",[]]]]`
	for name, test := range map[string]struct {
		lists []string // what INPUT is answered with after WAIT
		want  string
	}{
		"busy at first":  {[]string{busy, `["more",[]]`, busy, ready}, "made"},
		"failed":         {[]string{busy, `["done",[[0,"failed",[]]]]`}, ""},
		"not listed":     {[]string{`["done",[[5,"ok",[[1,"raw://x"]]]]]`}, ""},
		"failed but was": {[]string{`["done",[[0,"failed",[[1,"raw://made"]]]]]`}, "made"},
	} {
		// Only the worker's end is looked at: the script's own end does not know of these answers.
		answers := []string{"OK 4 \"ok\"\n", "", `["done",[[0,"ok",[[0,"` + dead + `"]]]]]`, "WAIT 1 1\n"}
		answers = append(answers, test.lists...)
		said := playRaw(t, answers)
		if got := strings.Contains(said, "OUTPUT"); got != (test.want != "") {
			t.Errorf("%s: the worker said\n%s", name, said)
		}
	}
}

// playRaw answers a worker's requests one after the other: frames as they are, lists as INPUT, "" as TASK; then OK. It
// gives what the worker said.
func playRaw(t *testing.T, answers []string) string {
	t.Helper()
	info := protocol.TaskInfo{
		Host: "h", Master: "http://h:1", JobName: "j", Mode: protocol.Map, DiscoData: "/x", DDFSData: "/x", JobFile: "/x",
	}
	toWorker, fromDisco := io.Pipe()
	toDisco, fromWorker := io.Pipe()
	worker := &disco.Worker{Task: echo, In: toWorker, Out: fromWorker, Home: t.TempDir(), NoReuse: true, Settings: hasty}
	go func() {
		_ = worker.Run(context.Background())
		_ = fromWorker.Close()
	}()
	var said strings.Builder
	var reader protocol.FrameReader
	buffer := make([]byte, 1000)
	for {
		n, err := toDisco.Read(buffer)
		reader.Feed(buffer[:n])
		frame, ok, broken := reader.Next()
		if broken != nil {
			t.Fatal(broken)
		}
		if ok {
			fmt.Fprintf(&said, "%s %s\n", frame.Name, frame.Payload)
			answer := "OK 4 \"ok\"\n"
			if len(answers) > 0 {
				answer, answers = answers[0], answers[1:]
			}
			switch {
			case answer == "":
				data, err := protocol.Append(nil, info)
				if err != nil {
					t.Fatal(err)
				}
				answer = string(data)
			case answer[0] == '[':
				answer = fmt.Sprintf("INPUT %d %s\n", len(answer), answer)
			}
			if _, err := io.WriteString(fromDisco, answer); err != nil {
				return said.String()
			}
		}
		if err != nil {
			_ = fromDisco.Close()
			return said.String()
		}
	}
}
