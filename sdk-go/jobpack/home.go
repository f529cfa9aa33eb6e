package jobpack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Limits of a job home.
const (
	MaxEntries   = 100_000
	MaxHomeBytes = 4 << 30

	maxRatio       = 200 // inflated to archive
	ratioFreeBytes = 16 << 20
	deflateLevel   = 6
)

// stamp is the first time that ZIP can express.
var stamp = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// entry is one file of a job home.
type entry struct {
	content    []byte
	executable bool
}

// buildHome makes the ZIP archive of files, by their paths.
func buildHome(files map[string]entry) ([]byte, error) {
	if len(files) > MaxEntries {
		return nil, bad("jobhome", "holds %d files; at most %d are allowed", len(files), MaxEntries)
	}
	size := 0
	for name, file := range files {
		if fault := pathFault(name); fault != "" {
			return nil, bad("jobhome", "the file %q %s", name, fault)
		}
		size += len(file.content)
	}
	archive, err := zipFiles(files, zip.Deflate)
	if err == nil && size > budget(len(archive)) {
		// So regular that a node would take it for a bomb.
		archive, err = zipFiles(files, zip.Store)
	}
	return archive, err
}

func budget(archiveBytes int) int {
	return min(MaxHomeBytes, max(ratioFreeBytes, maxRatio*archiveBytes))
}

func zipFiles(files map[string]entry, method uint16) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, deflateLevel)
	})
	for _, name := range slices.Sorted(maps.Keys(files)) {
		head := &zip.FileHeader{Name: name, Method: method, Modified: stamp}
		head.SetMode(0o644)
		if files[name].executable {
			head.SetMode(0o755)
		}
		file, err := archive.CreateHeader(head)
		if err != nil {
			return nil, err
		}
		if _, err := file.Write(files[name].content); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return out.Bytes(), err
}

// checkHome judges an archive as a node would: it came over the network, so nothing that it says is trusted.
func checkHome(home []byte, worker string) error {
	archive, err := zip.NewReader(bytes.NewReader(home), int64(len(home)))
	if err != nil {
		return bad("jobhome", "it is no ZIP archive (%v)", err)
	}
	if len(archive.File) > MaxEntries {
		return bad("jobhome", "holds %d files; at most %d are allowed", len(archive.File), MaxEntries)
	}
	files, err := checkEntries(archive.File, budget(len(home)))
	if err != nil {
		return err
	}
	for name := range files {
		for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
			if files[parent] {
				return bad("jobhome", "%q would be both a file and a directory", parent)
			}
		}
	}
	if !files[path.Clean(worker)] {
		return bad("jobdict.worker", "there is no file %q in the job home", worker)
	}
	return nil
}

// checkEntries gives the names of all entries; true for files.
func checkEntries(entries []*zip.File, left int) (map[string]bool, error) {
	names := make(map[string]bool, len(entries))
	for _, one := range entries {
		name := strings.TrimSuffix(one.Name, "/")
		isDir := name != one.Name
		if fault := pathFault(name); fault != "" {
			return nil, bad("jobhome", "the entry %q %s", one.Name, fault)
		}
		if kind := one.Mode().Type(); kind != 0 && kind != fs.ModeDir {
			return nil, bad("jobhome", "the entry %q is neither a file nor a directory", one.Name)
		}
		name = path.Clean(name)
		if wasFile, there := names[name]; there && (wasFile || !isDir) {
			return nil, bad("jobhome", "the entry %q is there twice", one.Name)
		}
		names[name] = !isDir
		size, err := inflatedBytes(one, left)
		if err != nil {
			return nil, bad("jobhome", "the entry %q is damaged (%v)", one.Name, err)
		}
		if left -= size; left < 0 {
			return nil, bad("jobhome", "inflates to more than is allowed for an archive of its size")
		}
	}
	return names, nil
}

// inflatedBytes reads an entry, to at most one byte more than is left, and so checks its checksum.
func inflatedBytes(one *zip.File, left int) (int, error) {
	content, err := one.Open()
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(io.Discard, io.LimitReader(content, int64(left)+1))
	if err == nil {
		err = content.Close()
	}
	return int(size), err
}
