package jobpack

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Limits of what a dictionary says.
const (
	MaxPrefixBytes = 128
	MaxReduces     = 1_000_000
	MaxPathBytes   = 1024
	MaxNameBytes   = 255
)

// Dict is the job dictionary: what the master is told.
type Dict struct {
	Prefix     string     // of the job's name: a-z, A-Z, 0-9 and _
	Inputs     [][]string // each is one input: the URLs of its replicas
	Worker     string     // its path in the job home
	Owner      string
	Partitions int // how many reduce tasks
	Map        bool
	Reduce     bool
	Scheduler  Scheduler
}

// Scheduler says where and how often tasks may run. Zero values leave it to the master.
type Scheduler struct {
	MaxCores    int
	ForceLocal  bool
	ForceRemote bool
	MaxFailures *int
}

// MarshalJSON writes the dictionary as the master reads it.
func (d Dict) MarshalJSON() ([]byte, error) {
	scheduler := map[string]any{}
	if d.Scheduler.MaxCores > 0 {
		scheduler["max_cores"] = d.Scheduler.MaxCores
	}
	if d.Scheduler.ForceLocal {
		scheduler["force_local"] = true
	}
	if d.Scheduler.ForceRemote {
		scheduler["force_remote"] = true
	}
	if d.Scheduler.MaxFailures != nil {
		scheduler["max_failures"] = *d.Scheduler.MaxFailures
	}
	inputs := d.Inputs
	if inputs == nil {
		inputs = [][]string{}
	}
	return json.Marshal(map[string]any{
		"prefix": d.Prefix, "input": inputs, "worker": d.Worker, "owner": d.Owner, "nr_reduces": d.Partitions,
		"map?": d.Map, "reduce?": d.Reduce, "scheduler": scheduler,
	})
}

func parseDict(content []byte) (Dict, error) {
	raw, err := parseJSON("jobdict", content, MaxDictBytes)
	if err != nil {
		return Dict{}, err
	}
	for _, key := range []string{"prefix", "input", "worker", "owner", "nr_reduces", "scheduler"} {
		if _, is := raw[key]; !is {
			return Dict{}, bad("jobdict."+key, "missing key '%s'", key)
		}
	}
	scheduler, is := raw["scheduler"].(map[string]any)
	if !is {
		return Dict{}, bad("jobdict.scheduler", "must be an object; {} sets nothing")
	}
	values := &dictReader{}
	dict := Dict{
		Prefix: values.text("prefix", raw["prefix"]), Worker: values.text("worker", raw["worker"]),
		Owner: values.text("owner", raw["owner"]), Partitions: values.whole("nr_reduces", raw["nr_reduces"], 0),
		Map: values.flag("map?", raw["map?"]), Reduce: values.flag("reduce?", raw["reduce?"]),
		Inputs: values.inputs(raw["input"]),
		Scheduler: Scheduler{
			ForceLocal:  values.flag("scheduler.force_local", scheduler["force_local"]),
			ForceRemote: values.flag("scheduler.force_remote", scheduler["force_remote"]),
		},
	}
	if cores, given := scheduler["max_cores"]; given {
		dict.Scheduler.MaxCores = values.whole("scheduler.max_cores", cores, 1)
	}
	if failures := scheduler["max_failures"]; failures != nil {
		most := values.whole("scheduler.max_failures", failures, 0)
		dict.Scheduler.MaxFailures = &most
	}
	return dict, values.err
}

// dictReader keeps the first error.
type dictReader struct{ err error }

func (r *dictReader) fail(field, format string, values ...any) {
	if r.err == nil {
		r.err = bad("jobdict."+field, format, values...)
	}
}

func (r *dictReader) text(field string, value any) string {
	found, is := value.(string)
	if !is {
		r.fail(field, "must be text")
	}
	return found
}

func (r *dictReader) flag(field string, value any) bool {
	found, is := value.(bool)
	if !is && value != nil {
		r.fail(field, "must be true or false")
	}
	return found
}

func (r *dictReader) whole(field string, value any, lowest int) int {
	digits, is := value.(json.Number)
	found, err := strconv.Atoi(digits.String())
	if !is || err != nil || found < lowest {
		r.fail(field, "must be a whole number, at least %d", lowest)
	}
	return found
}

func (r *dictReader) inputs(value any) [][]string {
	list, is := value.([]any)
	if !is {
		r.fail("input", "must be a list of URLs or of lists of URLs")
	}
	inputs := make([][]string, 0, len(list))
	for _, item := range list {
		urls, is := item.([]any)
		if !is {
			urls = []any{item}
		}
		replicas := make([]string, 0, len(urls))
		for _, url := range urls {
			replicas = append(replicas, r.text("input", url))
		}
		inputs = append(inputs, replicas)
	}
	return inputs
}

var badPrefix = regexp.MustCompile(`[^a-zA-Z0-9_]`)

func (d Dict) check() error {
	switch {
	case d.Prefix == "":
		return bad("jobdict.prefix", "is empty; job names start with it")
	case badPrefix.MatchString(d.Prefix):
		return bad("jobdict.prefix", "invalid prefix: %q is made of more than a-z, A-Z, 0-9 and _", d.Prefix)
	case len(d.Prefix) > MaxPrefixBytes:
		return bad("jobdict.prefix", "has %d characters; at most %d are allowed", len(d.Prefix), MaxPrefixBytes)
	case d.Partitions < 0 || d.Partitions > MaxReduces:
		return bad("jobdict.nr_reduces", "must be from 0 to %d, not %d", MaxReduces, d.Partitions)
	case d.Scheduler.MaxCores < 0:
		return bad("jobdict.scheduler.max_cores", "must be at least 1")
	case d.Scheduler.ForceLocal && d.Scheduler.ForceRemote:
		return bad("jobdict.scheduler.force_remote", "excludes force_local: no node would be left")
	}
	if fault := pathFault(d.Worker); fault != "" {
		return bad("jobdict.worker", "%q %s; give its path below the job home", d.Worker, fault)
	}
	return d.checkInputs()
}

func (d Dict) checkInputs() error {
	for i, replicas := range d.Inputs {
		if len(replicas) == 0 {
			return bad("jobdict.input", "input %d is an empty list; give it at least one URL", i)
		}
		if len(replicas) > 1 && !d.Map {
			return bad("jobdict.input", "redundant inputs in reduce: input %d has replicas, so there must be a map", i)
		}
		for _, url := range replicas {
			if url == "" || strings.Contains(url, "\x00") {
				return bad("jobdict.input", "input %d has an empty URL, or one with a NUL", i)
			}
		}
	}
	return nil
}

var drive = regexp.MustCompile(`^[a-zA-Z]:`)

// pathFault says why a path is no path of a file inside a job home; "" if it is one.
func pathFault(name string) string {
	steps := strings.Split(path.Clean(name), "/")
	switch {
	case strings.Contains(name, "\x00"):
		return "holds a NUL"
	case strings.Contains(name, `\`):
		return "holds a backslash"
	case strings.HasPrefix(name, "/"):
		return "is absolute"
	case drive.MatchString(name):
		return "starts with a drive letter"
	case name == "" || path.Clean(name) == "." || strings.HasSuffix(name, "/"):
		return "names no file"
	case steps[0] == ".disco" || steps[0] == ".jobhome":
		return "is a name that Disco reserves for itself"
	case len(name) > MaxPathBytes:
		return fmt.Sprintf("is longer than %d bytes", MaxPathBytes)
	}
	for _, step := range strings.Split(name, "/") {
		if step == ".." {
			return "leads out of the job home by '..'"
		}
		if len(step) > MaxNameBytes {
			return fmt.Sprintf("has a part longer than %d bytes", MaxNameBytes)
		}
	}
	return ""
}

func parseEnvs(content []byte) (map[string]string, error) {
	raw, err := parseJSON("jobenvs", content, MaxEnvsBytes)
	if err != nil {
		return nil, err
	}
	envs := make(map[string]string, len(raw))
	for name, value := range raw {
		text, is := value.(string)
		if !is {
			return nil, bad("jobenvs", "%q must have a text value", name)
		}
		envs[name] = text
	}
	return envs, nil
}

func checkEnvs(envs map[string]string) error {
	for name, value := range envs {
		switch {
		case name == "" || strings.Contains(name, "="):
			return bad("jobenvs", "%q is no name of a variable: empty, or with '=' in it", name)
		case strings.Contains(name+value, "\x00"):
			return bad("jobenvs", "the name or value of %q holds a NUL", name)
		case len(name)+len(value)+1 > maxEnvBytes:
			return bad("jobenvs", "%q takes more than the %d bytes that can be set", name, maxEnvBytes)
		}
	}
	return nil
}
