package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"discoproject.org/disco/sdk-go/internal/vectors"
	"discoproject.org/disco/sdk-go/record"
)

func readAll(r io.Reader) (records [][2]string, err error) {
	for found, err := range record.NewReader(r, "raw://test").All() {
		if err != nil {
			return records, err
		}
		records = append(records, [2]string{string(found.Key), string(found.Value)})
	}
	return records, nil
}

func write(t testing.TB, codec record.Codec, records [][2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	writer, err := record.NewWriter(&out, codec)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range records {
		if err := writer.Write([]byte(one[0]), []byte(one[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestValidRecordVectors(t *testing.T) {
	expected := vectors.Files(t, "records/valid", ".json")
	for name, data := range vectors.Files(t, "records/valid", ".bin") {
		got, err := readAll(iotest.OneByteReader(bytes.NewReader(data)))
		if strings.Contains(name, "lz4") {
			if err == nil || !strings.Contains(err.Error(), "lz4") {
				t.Errorf("%s: the missing codec is not named: %v", name, err)
			}
			continue
		}
		var file struct{ Records [][2][]byte }
		if err := json.Unmarshal(expected[name], &file); err != nil {
			t.Fatal(err)
		}
		var want [][2]string
		for _, one := range file.Records {
			want = append(want, [2]string{string(one[0]), string(one[1])})
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d records (%v), want %d", name, len(got), err, len(want))
		}
	}
}

func TestInvalidRecordVectors(t *testing.T) {
	for name, data := range vectors.Files(t, "records/invalid", ".bin") {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readAll(bytes.NewReader(data))
		runtime.ReadMemStats(&after)
		var damage *record.DataError
		if !errors.As(err, &damage) || damage.URL != "raw://test" || damage.Reason == "" {
			t.Errorf("%s: taken, or not as a DataError: %v", name, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("%s: %d bytes of memory were taken on its word", name, taken)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var records [][2]string
	for i := range 30_000 {
		value := make([]byte, random.IntN(200))
		for j := range value {
			value[j] = byte(random.IntN(1 << (i % 9)))
		}
		records = append(records, [2]string{fmt.Sprint("key", i%1000), string(value)})
	}
	records = append(records, [2]string{"", ""}, [2]string{"big", strings.Repeat("x", 3*record.TargetRawBytes)})
	for _, codec := range []record.Codec{record.None, record.Zlib, record.Zstd} {
		data := write(t, codec, records)
		got, err := readAll(bytes.NewReader(append(data, data...)))
		if err != nil || !slices.Equal(got, append(slices.Clone(records), records...)) {
			t.Errorf("%v: %d of %d records, %v", codec, len(got), 2*len(records), err)
		}
		if one := write(t, codec, [][2]string{{"a", strings.Repeat("b", 1000)}}); (len(one) < 500) != (codec != record.None) {
			t.Errorf("%v: a compressible hunk has %d bytes", codec, len(one))
		}
		if codec != record.None && len(data) > 3_000_000 {
			t.Errorf("%v: nothing is compressed: %d bytes", codec, len(data))
		}
	}
}

func TestEveryCutAndEveryFlippedBitIsFound(t *testing.T) {
	data := write(t, record.Zlib, [][2]string{{"the", "1"}, {"cat", strings.Repeat("2", 300)}})
	for end := 1; end < len(data); end++ {
		if _, err := readAll(bytes.NewReader(data[:end])); err == nil {
			t.Errorf("cut at %d: no error", end)
		}
	}
	for i := range data {
		damaged := bytes.Clone(data)
		damaged[i] ^= 0x10
		if _, err := readAll(bytes.NewReader(damaged)); err == nil {
			t.Errorf("byte %d changed: no error", i)
		}
	}
}

func TestDamageIsPlaced(t *testing.T) {
	first := write(t, record.None, [][2]string{{"a", "1"}})
	second := write(t, record.None, [][2]string{{"b", "2"}})
	second[len(second)-1] ^= 1
	got, err := readAll(bytes.NewReader(append(bytes.Clone(first), second...)))
	var damage *record.DataError
	if len(got) != 1 || !errors.As(err, &damage) || damage.Offset != int64(len(first)) {
		t.Errorf("%v, %v: the damage is at byte %d", got, err, len(first))
	}
}

func TestErrorsOfTheSourceAreKept(t *testing.T) {
	broken := errors.New("the disk is gone")
	data := write(t, record.None, [][2]string{{"a", "1"}})
	_, err := readAll(io.MultiReader(bytes.NewReader(data[:5]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestWriterSaysTheSameErrorAgain(t *testing.T) {
	writer, err := record.NewWriter(failing{}, record.None)
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Write([]byte("a"), nil); err != nil {
		t.Fatal(err)
	}
	first := writer.Flush()
	if again := writer.Write([]byte("a"), nil); first == nil || !errors.Is(again, first) {
		t.Errorf("%v, then %v", first, again)
	}
	if _, err := record.NewWriter(io.Discard, record.LZ4); err == nil || !strings.Contains(err.Error(), "lz4") {
		t.Errorf("lz4 can be written? %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestPartitionVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(vectors.Dir(t, "partition"), "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Type      string `json:"key_type"`
		Key       any
		Canonical []byte
		N         int
		Partition int
	}
	if err := json.Unmarshal(data, &rows); err != nil || len(rows) < 50 {
		t.Fatal(len(rows), err)
	}
	for _, row := range rows {
		if got := record.Partition(row.Canonical, row.N); got != row.Partition {
			t.Errorf("%v (%s) in %d: %d, want %d", row.Key, row.Type, row.N, got, row.Partition)
		}
		text, isText := row.Key.(string)
		key := row.Key
		switch {
		case row.Type == "integer":
			number, ok := new(big.Int).SetString(text, 10)
			if !ok {
				t.Fatal(text)
			}
			key = number
		case row.Type == "tuple":
			key = asIntegers(key)
		case row.Type != "text" || !isText || strings.ContainsRune(text, '\uFFFD'):
			continue // Go has no such type, or no such text
		}
		got, err := record.Canonical(key)
		if err != nil || !bytes.Equal(got, row.Canonical) {
			t.Errorf("%v (%s): canonical bytes %q, want %q (%v)", row.Key, row.Type, got, row.Canonical, err)
		}
	}
}

func TestPartitionOfNothing(t *testing.T) {
	for _, n := range []int{1, 0, -1} {
		if got := record.Partition([]byte("key"), n); got != 0 {
			t.Errorf("in %d: %d", n, got)
		}
	}
}

func TestCanonicalKeys(t *testing.T) {
	for _, test := range []struct {
		key  any
		want string
	}{
		{nil, ""}, {[]byte("é"), "é"}, {"é", "é"}, {true, "1"}, {false, "0"}, {-7, "-7"}, {int64(-8), "-8"},
		{uint64(1 << 63), "9223372036854775808"}, {[]any{"a", 1}, "\x01\x00\x00\x00a\x01\x00\x00\x001"},
	} {
		if got, err := record.Canonical(test.key); err != nil || string(got) != test.want {
			t.Errorf("%v: %q, %v", test.key, got, err)
		}
	}
	for _, key := range []any{1.5, struct{}{}, []any{1.5}} {
		if _, err := record.Canonical(key); err == nil {
			t.Errorf("%v has canonical bytes", key)
		}
	}
}

// asIntegers turns the numbers that JSON gave into the integers that they were.
func asIntegers(value any) any {
	switch v := value.(type) {
	case float64:
		return int(v)
	case []any:
		for i := range v {
			v[i] = asIntegers(v[i])
		}
	}
	return value
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 700_000)
	for text, want := range map[string][]string{
		"":                  nil,
		"a":                 {"a"},
		"a\nb\n":            {"a", "b"},
		"a\n\nb":            {"a", "", "b"},
		"a\r\n":             {"a\r"},
		long + "\n" + "b\n": {long, "b"},
	} {
		var got []string
		for line, err := range record.Lines(iotest.HalfReader(strings.NewReader(text))) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(line))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.20q: %d lines, want %d", text, len(got), len(want))
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\xd1\x01\x01\x00"))
	f.Add(write(f, record.Zlib, [][2]string{{"the", "1"}, {"cat", strings.Repeat("2", 300)}}))
	f.Add(write(f, record.Zstd, [][2]string{{"the", "1"}, {"cat", strings.Repeat("2", 300)}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readAll(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := readAll(bytes.NewReader(write(t, record.Zlib, got)))
		if err != nil || !slices.Equal(got, again) {
			t.Errorf("%d records became %d (%v)", len(got), len(again), err)
		}
	})
}

func ExampleReader() {
	var stream bytes.Buffer
	writer, err := record.NewWriter(&stream, record.Zlib)
	if err != nil {
		panic(err)
	}
	_ = writer.Write([]byte("the"), []byte("2"))
	_ = writer.Write([]byte("cat"), []byte("1"))
	if err := writer.Flush(); err != nil {
		panic(err)
	}
	for pair, err := range record.NewReader(&stream, "a buffer").All() {
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s %s\n", pair.Key, pair.Value)
	}
	// Output:
	// the 2
	// cat 1
}
