// Package vectors finds the files that decide what bytes mean, for tests. They are shared by all languages and lie
// beside this module; a module that was installed alone has none, and its tests of them are skipped.
package vectors

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Dir is the folder of one kind of vectors.
func Dir(t testing.TB, kind string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		found := filepath.Join(folder, "conformance", "vectors", kind)
		if _, err := os.Stat(found); err == nil {
			return found
		}
	}
	t.Skipf("no conformance/vectors/%s above this module", kind)
	return ""
}

// Files are the vectors of one kind with an extension (as in ".bin"), by their names without it. There is at
// least one.
func Files(t testing.TB, kind, extension string) map[string][]byte {
	t.Helper()
	folder := Dir(t, kind)
	paths, err := filepath.Glob(filepath.Join(folder, "*"+extension))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s files in %s (%v)", extension, folder, err)
	}
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(path), extension)] = data
	}
	return files
}
