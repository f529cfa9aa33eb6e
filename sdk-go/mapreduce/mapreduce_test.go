package mapreduce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/jobpack"
	"discoproject.org/disco/sdk-go/protocol"
	"discoproject.org/disco/sdk-go/record"
)

func words(_, line []byte, emit Emit) error {
	for _, word := range bytes.Fields(line) {
		emit(word, []byte("1"))
	}
	return nil
}

// runJob runs all map and reduce tasks of a job, one map an input, and gives the result as sorted lines.
func runJob(t *testing.T, program Program, partitions int, inputs ...string) []string {
	t.Helper()
	dict := jobpack.Dict{Prefix: "test", Map: true, Reduce: partitions > 0, Partitions: partitions}
	jobFile := discotest.JobFile(t, dict, nil)
	parts := make([][]string, max(1, partitions))
	served := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(served)))
	t.Cleanup(server.Close)
	var lines []string
	for i, input := range inputs {
		task := discotest.Task{Inputs: []discotest.Input{{Replicas: []string{input}}}}
		task.TaskID, task.JobFile = i, jobFile
		result := discotest.Run(t, &disco.Worker{Task: program.Run}, task)
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		for label := range partitions {
			name := fmt.Sprintf("%d-%d", i, label)
			if err := os.WriteFile(served+"/"+name, result.Part(label), 0o600); err != nil {
				t.Fatal(err)
			}
			parts[label] = append(parts[label], server.URL+"/"+name)
		}
		lines = append(lines, linesOf(t, result.Disco())...)
	}
	for label := range partitions {
		task := discotest.Task{}
		for i, url := range parts[label] {
			task.Inputs = append(task.Inputs, discotest.Input{ID: int64(i), Replicas: []string{url}})
		}
		task.Mode, task.TaskID, task.JobFile = protocol.Reduce, label, jobFile
		result := discotest.Run(t, &disco.Worker{Task: program.Run}, task)
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		got := linesOf(t, result.Disco())
		if !slices.IsSorted(got) {
			t.Errorf("reduce %d is not sorted: %v", label, got)
		}
		lines = append(lines, got...)
	}
	slices.Sort(lines)
	return lines
}

func linesOf(t *testing.T, stream []byte) (lines []string) {
	t.Helper()
	for one, err := range record.NewReader(bytes.NewReader(stream), "result").All() {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s", one.Key, one.Value))
	}
	return lines
}

func TestWordCount(t *testing.T) {
	inputs := []string{"raw://the%20cat%20the%0A%0Ahat", "raw://the%20end", "raw://"}
	want := []string{"cat 1", "end 1", "hat 1", "the 3"}
	for name, program := range map[string]Program{
		"plain":       {Map: words, Reduce: Sum},
		"combined":    {Map: words, Reduce: Sum, Combine: Sum},
		"zstd":        {Map: words, Reduce: Sum, Codec: Zstd},
		"none":        {Map: words, Reduce: Sum, Codec: NoCompression},
		"tiny memory": {Map: words, Reduce: Sum, Combine: Sum, SortBytes: 1},
	} {
		for _, partitions := range []int{1, 2, 7} {
			if got := runJob(t, program, partitions, inputs...); !slices.Equal(got, want) {
				t.Errorf("%s, %d partitions: %v", name, partitions, got)
			}
		}
	}
}

func TestMapOnly(t *testing.T) {
	got := runJob(t, Program{Map: words}, 0, "raw://a%20b", "raw://a")
	if !slices.Equal(got, []string{"a 1", "a 1", "b 1"}) {
		t.Errorf("%v", got)
	}
}

func TestRecordsAsInput(t *testing.T) {
	var stream bytes.Buffer
	writer, err := record.NewWriter(&stream, record.Zlib)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writer.Write([]byte("k"), []byte("v")), writer.Write(nil, []byte("entry")), writer.Flush()); err != nil {
		t.Fatal(err)
	}
	escaped := strings.Builder{}
	for _, b := range stream.Bytes() {
		fmt.Fprintf(&escaped, "%%%02x", b)
	}
	same := func(key, value []byte, emit Emit) error { emit(key, value); return nil }
	got := runJob(t, Program{Map: same, Input: Records}, 0, "raw://"+escaped.String())
	if !slices.Equal(got, []string{" entry", "k v"}) {
		t.Errorf("%q", got)
	}
}

func TestReduceNeedNotReadAllValues(t *testing.T) {
	first := func(key []byte, values iter.Seq[[]byte], emit Emit) error {
		for value := range values {
			emit(key, value)
			break
		}
		return nil
	}
	none := func(key []byte, _ iter.Seq[[]byte], emit Emit) error { emit(key, nil); return nil }
	if got := runJob(t, Program{Map: words, Reduce: first}, 1, "raw://a%20a%20b%20a"); !slices.Equal(got, []string{"a 1", "b 1"}) {
		t.Errorf("%v", got)
	}
	if got := runJob(t, Program{Map: words, Reduce: none}, 1, "raw://a%20a%20b%20a"); !slices.Equal(got, []string{"a ", "b "}) {
		t.Errorf("%v", got)
	}
}

func TestErrorsOfTheProgram(t *testing.T) {
	started := false
	for name, test := range map[string]struct {
		program Program
		ending  string
		text    string
	}{
		"map":         {Program{Map: func(_, _ []byte, _ Emit) error { return disco.Elsewheref("not here") }, Reduce: Sum}, "ERROR", "not here"},
		"partition":   {Program{Map: words, Reduce: Sum, Partition: func([]byte, int) int { return 9 }}, "FATAL", "partition 9 of 3"},
		"combine":     {Program{Map: words, Reduce: Sum, Combine: func(_ []byte, _ iter.Seq[[]byte], emit Emit) error { emit([]byte("z"), nil); return nil }}, "FATAL", "Combine"},
		"no map":      {Program{Reduce: Sum}, "FATAL", "map"},
		"start":       {Program{Map: words, Reduce: Sum, Start: func(context.Context, *disco.Task) error { return errors.New("no licence") }}, "FATAL", "no licence"},
		"start works": {Program{Map: words, Reduce: Sum, Start: func(context.Context, *disco.Task) error { started = true; return nil }}, "DONE", ""},
	} {
		task := discotest.Task{Inputs: []discotest.Input{{Replicas: []string{"raw://a%20a"}}}}
		task.JobFile = discotest.JobFile(t, jobpack.Dict{Map: true, Reduce: true, Partitions: 3}, nil)
		result := discotest.Run(t, &disco.Worker{Task: test.program.Run}, task)
		if result.Ending == nil || result.Ending.Name() != test.ending || !strings.Contains(result.Text(), test.text) {
			t.Errorf("%s: %v", name, result.Ending)
		}
	}
	if !started {
		t.Error("Start was not called")
	}
}

func TestSortIsBoundedStableAndComplete(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, test := range []struct{ records, limit, runs int }{
		{0, 1000, 0},
		{1, 1, 0},
		{5000, 1 << 20, 0},
		{5000, 20_000, 0},
		{5000, 2_000, maxRuns}, // more runs than are merged at a time
	} {
		sorter := newSorter(t.TempDir(), test.limit)
		var want [][2]string
		for i := range test.records {
			key := strconv.Itoa(random.IntN(700))
			if i%50 == 0 {
				key = "a long key with a common start " + key + strings.Repeat("\x00", i%3)
			}
			one := [2]string{key, strconv.Itoa(i)}
			want = append(want, one)
			if err := sorter.add([]byte(one[0]), []byte(one[1])); err != nil {
				t.Fatal(err)
			}
			if held := len(sorter.arena); held > test.limit+100 {
				t.Fatalf("%d bytes are held, the limit is %d", held, test.limit)
			}
		}
		if sorter.made < test.runs {
			t.Errorf("%d runs: the limits of the test are wrong", sorter.made)
		}
		slices.SortStableFunc(want, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		sorted, err := sorter.sorted()
		if err != nil {
			t.Fatal(err)
		}
		if len(sorted.files) >= maxRuns {
			t.Errorf("%d files are open", len(sorted.files))
		}
		var got [][2]string
		for {
			one, more, err := sorted.next()
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			got = append(got, [2]string{string(one.Key), string(one.Value)})
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d records in %d bytes: the order is wrong", test.records, test.limit)
		}
		if err := sorted.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestADamagedRunIsAnError(t *testing.T) {
	dir := t.TempDir()
	sorter := newSorter(dir, 100)
	for i := range 100 {
		if err := sorter.add([]byte(strconv.Itoa(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(sorter.runs[0], 30); err != nil {
		t.Fatal(err)
	}
	sorted, err := sorter.sorted()
	for more := true; err == nil && more; {
		_, more, err = sorted.next()
	}
	var damage *record.DataError
	if !errors.As(err, &damage) {
		t.Errorf("%v", err)
	}
}

func TestCombinerHoldsLittle(t *testing.T) {
	passed := 0
	combiner := newCombiner(Sum, 10_000, func(_, _ []byte) { passed++ })
	for i := range 100_000 {
		combiner.emit([]byte(strconv.Itoa(i%10)), []byte("1"))
		if combiner.held > 11_000 {
			t.Fatalf("%d bytes are held", combiner.held)
		}
	}
	if passed != 0 {
		t.Errorf("%d pairs of 10 keys did not fit", passed)
	}
	if err := combiner.flush(); err != nil || passed != 10 {
		t.Errorf("%d pairs, %v", passed, err)
	}
}

func BenchmarkWordCountMap(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	var text bytes.Buffer
	for text.Len() < 20<<20 {
		fmt.Fprintf(&text, "word%d ", int(random.ExpFloat64()*2000))
		if random.IntN(10) == 0 {
			text.WriteByte('\n')
		}
	}
	path := b.TempDir() + "/text"
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	task := discotest.Task{Inputs: []discotest.Input{{Replicas: []string{"file://" + path}}}}
	task.JobFile = discotest.JobFile(b, jobpack.Dict{Map: true, Reduce: true, Partitions: 2}, nil)
	b.SetBytes(int64(text.Len()))
	for range b.N {
		program := Program{Map: words, Reduce: Sum, Combine: Sum}
		if result := discotest.Run(b, &disco.Worker{Task: program.Run}, task); result.Err != nil {
			b.Fatal(result.Err)
		}
	}
}

func BenchmarkTinyTasks(b *testing.B) {
	jobFile := discotest.JobFile(b, jobpack.Dict{Map: true, Reduce: true, Partitions: 1}, nil)
	var tasks []discotest.Task
	for range b.N {
		task := discotest.Task{Inputs: []discotest.Input{{Replicas: []string{"raw://a%20b"}}}}
		task.JobFile = jobFile
		tasks = append(tasks, task)
	}
	b.ResetTimer()
	program := Program{Map: words, Combine: Sum, Reduce: Sum}
	if result := discotest.Run(b, &disco.Worker{Task: program.Run}, tasks...); result.Err != nil {
		b.Fatal(result.Err)
	}
}
