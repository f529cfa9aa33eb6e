package jobpack_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"discoproject.org/disco/sdk-go/internal/vectors"
	"discoproject.org/disco/sdk-go/jobpack"
)

func TestValidPackVectors(t *testing.T) {
	for name, data := range vectors.Files(t, "jobpack/valid", ".pack") {
		pack, err := jobpack.Decode(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := pack.Encode()
		if err != nil {
			t.Errorf("%s cannot be written again: %v", name, err)
			continue
		}
		if twice, err := jobpack.Decode(again); err != nil || !reflect.DeepEqual(pack, twice) {
			t.Errorf("%s became %+v (%v)", name, twice, err)
		}
	}
}

func TestInvalidPackVectors(t *testing.T) {
	reasons := vectors.Files(t, "jobpack/invalid", ".reason")
	for name, data := range vectors.Files(t, "jobpack/invalid", ".pack") {
		field, _, _ := strings.Cut(string(reasons[name]), "\n")
		_, err := jobpack.Decode(data)
		var bad *jobpack.Error
		if !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: %v; the field is %s", name, err, field)
		}
	}
}

func workerFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "count-words.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBuild(t *testing.T) {
	worker := workerFile(t)
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "sub", "stop.txt"), []byte("the"), 0o600); err != nil {
		t.Fatal(err)
	}
	spec := jobpack.Spec{
		Worker: worker, Inputs: [][]string{{"raw://a", "raw://b"}}, Map: true, Reduce: true, Owner: "ann",
		Envs: map[string]string{"LANG": "C"}, Files: map[string]string{"lib": folder},
		Contents: map[string][]byte{"a.txt": []byte("a")}, Data: []byte("data"),
	}
	data, err := jobpack.Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	pack, err := jobpack.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := jobpack.Dict{
		Prefix: "count_words", Worker: "count-words.sh", Owner: "ann", Partitions: 1, Map: true, Reduce: true,
		Inputs: [][]string{{"raw://a", "raw://b"}},
	}
	if !reflect.DeepEqual(pack.Dict, want) || string(pack.Data) != "data" || pack.Envs["LANG"] != "C" {
		t.Errorf("%+v", pack)
	}
	for _, name := range []string{"lib/sub/stop.txt", "a.txt", "count-words.sh"} {
		if !bytes.Contains(pack.Home, []byte(name)) {
			t.Errorf("%s is not in the job home", name)
		}
	}
	if again, err := jobpack.Build(spec); err != nil || !bytes.Equal(again, data) {
		t.Errorf("the same content gave other bytes (%v)", err)
	}
	file := bytes.NewReader(data)
	if dict, err := jobpack.ReadDict(file, file.Size()); err != nil || !reflect.DeepEqual(dict, want) {
		t.Errorf("%+v %v", dict, err)
	}
	if found, err := jobpack.ReadData(file, file.Size()); err != nil || string(found) != "data" {
		t.Errorf("%q %v", found, err)
	}
}

func TestBuildRefuses(t *testing.T) {
	worker := workerFile(t)
	many := 3
	for field, spec := range map[string]jobpack.Spec{
		"jobdict.input":                  {Inputs: [][]string{{"raw://a", "raw://b"}}, Reduce: true},
		"jobhome":                        {Contents: map[string][]byte{"../x": nil}},
		"jobenvs":                        {Envs: map[string]string{"A=B": ""}},
		"jobdict.prefix":                 {Prefix: strings.Repeat("x", jobpack.MaxPrefixBytes+1)},
		"jobdict.nr_reduces":             {Partitions: jobpack.MaxReduces + 1},
		"jobdict.scheduler.force_remote": {Scheduler: jobpack.Scheduler{ForceLocal: true, ForceRemote: true, MaxFailures: &many}},
	} {
		spec.Worker = worker
		_, err := jobpack.Build(spec)
		var bad *jobpack.Error
		if !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	limits := jobpack.Spec{Worker: worker, Prefix: strings.Repeat("x", jobpack.MaxPrefixBytes), Partitions: jobpack.MaxReduces}
	if _, err := jobpack.Build(limits); err != nil {
		t.Errorf("what is allowed is refused: %v", err)
	}
}
