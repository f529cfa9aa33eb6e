package jobpack

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Spec says what goes into a job pack.
type Spec struct {
	// Worker is the local path of the executable, which becomes the top of the job home.
	Worker string
	// Prefix of the job's name; made from the worker's name if empty.
	Prefix     string
	Inputs     [][]string // the URLs of the replicas of each input
	Map        bool
	Reduce     bool
	Partitions int // how many reduce tasks; 1 if 0 and there is a reduce
	Owner      string
	Envs       map[string]string
	Scheduler  Scheduler
	// Files are local files and directories by their paths in the job home; content that is at hand goes to Contents.
	Files    map[string]string
	Contents map[string][]byte
	Data     []byte // for the worker
}

// Build gives the bytes of a job pack. Errors are an *Error or come from reading files.
func Build(spec Spec) ([]byte, error) {
	files := map[string]entry{}
	for name, content := range spec.Contents {
		files[path.Clean(name)] = entry{content: content}
	}
	for name, local := range spec.Files {
		if err := collect(files, path.Clean(name), local); err != nil {
			return nil, err
		}
	}
	worker := filepath.Base(spec.Worker)
	if _, taken := files[worker]; taken {
		return nil, bad("jobhome", "a file and the worker are both called %q; rename one", worker)
	}
	content, err := os.ReadFile(spec.Worker)
	if err != nil {
		return nil, err
	}
	files[worker] = entry{content, true}
	home, err := buildHome(files)
	if err != nil {
		return nil, err
	}
	pack := Pack{Dict: spec.dict(worker), Envs: spec.Envs, Home: home, Data: spec.Data}
	return pack.Encode()
}

func (s Spec) dict(worker string) Dict {
	dict := Dict{
		Prefix: s.Prefix, Inputs: s.Inputs, Worker: worker, Owner: s.Owner, Partitions: s.Partitions,
		Map: s.Map, Reduce: s.Reduce, Scheduler: s.Scheduler,
	}
	if dict.Prefix == "" {
		name, _, _ := strings.Cut(worker, ".")
		dict.Prefix = badPrefix.ReplaceAllString(name, "_")
	}
	if dict.Partitions == 0 && s.Reduce {
		dict.Partitions = 1
	}
	return dict
}

// collect adds a local file, or all files below a local directory. Links to directories are not followed.
func collect(files map[string]entry, name, local string) error {
	return filepath.WalkDir(local, func(found string, dir fs.DirEntry, err error) error {
		if err != nil || dir.IsDir() {
			return err
		}
		below, err := filepath.Rel(local, found)
		if err != nil {
			return err
		}
		info, err := os.Stat(found)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return bad("jobhome", "%q is no regular file", found)
		}
		content, err := os.ReadFile(found)
		if err != nil {
			return err
		}
		target := path.Join(name, filepath.ToSlash(below))
		if _, taken := files[target]; taken {
			return bad("jobhome", "two files would be %q in the job home; rename one of them", target)
		}
		files[target] = entry{content, info.Mode()&0o111 != 0}
		return nil
	})
}
