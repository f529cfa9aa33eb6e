package protocol

import (
	"fmt"
	"math"
	"strings"
)

const (
	minInt = math.MinInt64
	maxInt = math.MaxInt64
)

type parser func(value any, payload []byte) (Message, error)

var parsers = map[Role]map[string]parser{
	RoleWorker: {
		"WORKER":    parseWorker,
		"TASK":      bare(TaskRequest{}),
		"INPUT":     parseInputRequest,
		"INPUT_ERR": parseInputErr,
		"MSG":       withText("MSG", func(text string) Message { return Msg{text} }),
		"OUTPUT":    parseOutput,
		"PING":      bare(Ping{}),
		"DONE":      bare(Done{}),
		"ERROR":     withText("ERROR", func(text string) Message { return Error{text} }),
		"FATAL":     withText("FATAL", func(text string) Message { return Fatal{text} }),
	},
	RoleDisco: {
		"OK":    func(any, []byte) (Message, error) { return OK{}, nil },
		"TASK":  parseTaskInfo,
		"INPUT": parseInputReply,
		"RETRY": parseRetry,
		"WAIT":  parseWait,
		"FAIL":  bare(Fail{}),
	},
}

// Parse gives the message in a frame that came from an end. The error is a *MessageError or a *VersionError.
func Parse(frame Frame, from Role) (Message, error) {
	parse, known := parsers[from][frame.Name]
	if !known {
		return nil, &MessageError{frame.Name, fmt.Sprintf("the %s end has no message of this name; the payload was %s",
			from, quoted(frame.Payload))}
	}
	value, err := decodeJSON(frame.Name, frame.Payload)
	if err != nil {
		return nil, err
	}
	return parse(value, frame.Payload)
}

func bare(message Message) parser {
	return func(value any, _ []byte) (Message, error) {
		return message, noPayload(message.Name(), value)
	}
}

func withText(name string, make func(string) Message) parser {
	return func(value any, _ []byte) (Message, error) {
		found, err := text(name, value)
		return make(found), err
	}
}

func parseWorker(value any, _ []byte) (Message, error) {
	said, err := object("WORKER", value, "version")
	if err != nil {
		return nil, err
	}
	version, err := text("WORKER version", said["version"])
	if err != nil {
		return nil, err
	}
	if version != Version {
		return nil, &VersionError{Theirs: version}
	}
	if said, err = object("WORKER", value, "version", "pid"); err != nil {
		return nil, err
	}
	reuse, is := said["reuse"].(bool)
	if _, given := said["reuse"]; given && !is {
		return nil, wrong("WORKER reuse", "true or false", said["reuse"])
	}
	pid, err := integer("WORKER pid", said["pid"], 1, maxInt)
	return Worker{PID: pid, Reuse: reuse}, err
}

func parseInputRequest(value any, _ []byte) (Message, error) {
	if value == "" {
		return InputRequest{}, nil
	}
	parts, err := items("INPUT", value, `"", ["exclude", [id, …]] or ["include", [id, …]]`, 2, 2)
	if err != nil {
		return nil, err
	}
	word, err := oneOf("INPUT selection", parts[0], string(Exclude), string(Include))
	if err != nil {
		return nil, err
	}
	ids, err := integers("INPUT ids", parts[1])
	return InputRequest{Select: Selection(word), IDs: ids}, err
}

func parseInputErr(value any, _ []byte) (Message, error) {
	parts, err := items("INPUT_ERR", value, "[input_id, [replica_id, …]]", 2, 2)
	if err != nil {
		return nil, err
	}
	id, err := integer("INPUT_ERR input_id", parts[0], minInt, maxInt)
	if err != nil {
		return nil, err
	}
	replicas, err := integers("INPUT_ERR replica_ids", parts[1])
	return InputErr{InputID: id, ReplicaIDs: replicas}, err
}

func parseOutput(value any, payload []byte) (Message, error) {
	parts, err := items("OUTPUT", value, "[location, type] or [location, type, label]", 2, 3)
	if err != nil {
		return nil, err
	}
	word, err := oneOf("OUTPUT type", parts[1], string(TypeDisco), string(TypePart), string(TypeTag))
	if err != nil {
		return nil, err
	}
	output := Output{Type: OutputType(word)}
	if output.Location, err = location(parts[0], output.Type, payload); err != nil || len(parts) == 2 {
		return output, err
	}
	if output.Type != TypePart {
		return nil, &MessageError{"OUTPUT", fmt.Sprintf(`only type "part" has a label, but %q came with %s`,
			output.Type, quoted(parts[2]))}
	}
	label, err := integerOrText("OUTPUT label", parts[2], MaxLabel)
	output.Label = int(label)
	return output, err
}

func location(value any, kind OutputType, payload []byte) (string, error) {
	const at = "OUTPUT location"
	found, err := line(at, value)
	switch {
	case err != nil:
		return "", err
	case hasLoneSurrogate(payload):
		return "", wrong(at, "text that UTF-8 can express", payload)
	case len(found) > MaxLocationBytes:
		return "", wrong(at, fmt.Sprintf("at most %d bytes long", MaxLocationBytes), found)
	case kind != TypeTag && !insideHome(found):
		return "", wrong(at, "a path relative to the job home, without '..'", found)
	}
	return found, nil
}

// insideHome says whether a path names something below the job home.
func insideHome(path string) bool {
	names := false
	for _, step := range strings.Split(path, "/") {
		if step == ".." {
			return false
		}
		names = names || step != "" && step != "."
	}
	return names && !strings.HasPrefix(path, "/")
}

func parseTaskInfo(value any, _ []byte) (Message, error) {
	said, err := object("TASK", value, "host", "master", "jobname", "taskid", "mode", "disco_port", "put_port",
		"disco_data", "ddfs_data", "jobfile")
	if err != nil {
		return nil, err
	}
	var info TaskInfo
	for key, into := range map[string]*string{
		"host": &info.Host, "master": &info.Master, "jobname": &info.JobName,
		"disco_data": &info.DiscoData, "ddfs_data": &info.DDFSData, "jobfile": &info.JobFile,
	} {
		if *into, err = line("TASK "+key, said[key]); err != nil {
			return nil, err
		}
	}
	if info.TaskID, err = number("TASK taskid", said["taskid"], math.MaxInt); err != nil {
		return nil, err
	}
	if info.DiscoPort, err = number("TASK disco_port", said["disco_port"], MaxPort); err != nil {
		return nil, err
	}
	if info.PutPort, err = number("TASK put_port", said["put_port"], MaxPort); err != nil {
		return nil, err
	}
	mode, err := oneOf("TASK mode", said["mode"], string(Map), string(Reduce))
	if err != nil {
		return nil, err
	}
	info.Mode = Mode(mode)
	return info, checkTask(info)
}

func checkTask(info TaskInfo) error {
	if !strings.HasPrefix(info.Master, "http://") && !strings.HasPrefix(info.Master, "https://") {
		return wrong("TASK master", "a URL, http://host:port", info.Master)
	}
	for _, path := range []struct{ key, value string }{
		{"disco_data", info.DiscoData}, {"ddfs_data", info.DDFSData}, {"jobfile", info.JobFile},
	} {
		if !strings.HasPrefix(path.value, "/") {
			return wrong("TASK "+path.key, "an absolute path", path.value)
		}
	}
	return nil
}

func number(at string, value any, high int64) (int, error) {
	found, err := integer(at, value, 0, high)
	return int(found), err
}

func parseInputReply(value any, _ []byte) (Message, error) {
	parts, err := items("INPUT", value, `["more" or "done", [input, …]]`, 2, 2)
	if err != nil {
		return nil, err
	}
	flag, err := oneOf("INPUT flag", parts[0], "more", "done")
	if err != nil {
		return nil, err
	}
	entries, is := parts[1].([]any)
	if !is {
		return nil, wrong("INPUT inputs", "a list", parts[1])
	}
	reply := InputReply{More: flag == "more"}
	for i, entry := range entries {
		found, err := parseEntry(fmt.Sprintf("INPUT inputs[%d]", i), entry)
		if err != nil {
			return nil, err
		}
		reply.Inputs = append(reply.Inputs, found)
	}
	return reply, nil
}

func parseEntry(at string, value any) (InputEntry, error) {
	parts, err := items(at, value, "[input_id, status, [replica, …]]", 3, 3)
	if err != nil {
		return InputEntry{}, err
	}
	id, err := integer(at+".id", parts[0], minInt, maxInt)
	if err != nil {
		return InputEntry{}, err
	}
	status, err := oneOf(at+".status", parts[1], string(StatusOK), string(StatusBusy), string(StatusFailed))
	if err != nil {
		return InputEntry{}, err
	}
	replicas, err := parseReplicas(at+".replicas", parts[2])
	return InputEntry{ID: id, Status: Status(status), Replicas: replicas}, err
}

func parseReplicas(at string, value any) ([]Replica, error) {
	list, is := value.([]any)
	if !is {
		return nil, wrong(at, "a list of [replica_id, url]", value)
	}
	var replicas []Replica
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", at, i)
		parts, err := items(at, item, "[replica_id, url]", 2, 2)
		if err != nil {
			return nil, err
		}
		id, err := integer(at+".id", parts[0], minInt, maxInt)
		if err != nil {
			return nil, err
		}
		url, err := text(at+".url", parts[1])
		if err != nil {
			return nil, err
		}
		replicas = append(replicas, Replica{ID: id, URL: url})
	}
	return replicas, nil
}

func parseRetry(value any, _ []byte) (Message, error) {
	replicas, err := parseReplicas("RETRY replicas", value)
	if err == nil && len(replicas) == 0 {
		err = wrong("RETRY", "a list of at least one [replica_id, url]", value)
	}
	return Retry{replicas}, err
}

func parseWait(value any, _ []byte) (Message, error) {
	seconds, err := integer("WAIT", value, MinWaitS, MaxWaitS)
	return Wait{int(seconds)}, err
}
