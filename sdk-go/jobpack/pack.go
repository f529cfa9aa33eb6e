package jobpack

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Limits of a pack.
const (
	MaxPackBytes = 1 << 30
	MaxDictBytes = 32 << 20
	MaxEnvsBytes = 1 << 20
	maxEnvBytes  = 128<<10 - 1

	headerBytes = 128
	magic       = 0xD5C0
	version     = 1
)

var sections = [4]string{"jobdict", "jobenvs", "jobhome", "jobdata"}

// Error says that bytes are no job pack, or that a pack asks for something impossible. Field is the place (magic,
// jobenvs, jobdict.scheduler.max_cores, …).
type Error struct {
	Field  string
	Reason string
}

func (e *Error) Error() string { return "bad job pack: " + e.Field + ": " + e.Reason }

func bad(field, format string, values ...any) error {
	return &Error{field, fmt.Sprintf(format, values...)}
}

// Pack is the content of a job pack.
type Pack struct {
	Dict Dict
	Envs map[string]string
	Home []byte // a ZIP archive
	Data []byte
}

// Encode gives the bytes of the pack, whose parts are checked.
func (p *Pack) Encode() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	dict, err := json.Marshal(p.Dict)
	if err != nil {
		return nil, err
	}
	envs, err := json.Marshal(p.Envs)
	if err != nil {
		return nil, err
	}
	if p.Envs == nil {
		envs = []byte("{}")
	}
	size := int64(headerBytes)
	head := binary.BigEndian.AppendUint32(nil, magic<<16|version)
	for i, part := range [4][]byte{dict, envs, p.Home, p.Data} {
		head = binary.BigEndian.AppendUint32(head, uint32(size))
		if size += int64(len(part)); size > MaxPackBytes {
			return nil, bad("pack", "with %s it is over the %d bytes allowed; put data into inputs or DDFS",
				sections[i], MaxPackBytes)
		}
	}
	made := make([]byte, headerBytes, size)
	copy(made, head)
	made = append(append(made, dict...), envs...)
	return append(append(made, p.Home...), p.Data...), nil
}

// Decode takes a pack apart and checks all of it.
func Decode(data []byte) (*Pack, error) {
	offsets, err := parseHeader(data[:min(len(data), headerBytes)], int64(len(data)))
	if err != nil {
		return nil, err
	}
	dict, err := parseDict(data[offsets[0]:offsets[1]])
	if err != nil {
		return nil, err
	}
	envs, err := parseEnvs(data[offsets[1]:offsets[2]])
	if err != nil {
		return nil, err
	}
	pack := &Pack{Dict: dict, Envs: envs, Home: data[offsets[2]:offsets[3]], Data: data[offsets[3]:]}
	return pack, pack.check()
}

func (p *Pack) check() error {
	if err := p.Dict.check(); err != nil {
		return err
	}
	if err := checkEnvs(p.Envs); err != nil {
		return err
	}
	return checkHome(p.Home, p.Dict.Worker)
}

// ReadDict reads only the job dictionary of a pack, and does not load the rest.
func ReadDict(file io.ReaderAt, sizeBytes int64) (Dict, error) {
	content, err := readSection(file, sizeBytes, 0, MaxDictBytes)
	if err != nil {
		return Dict{}, err
	}
	return parseDict(content)
}

// ReadData reads only the job data of a pack.
func ReadData(file io.ReaderAt, sizeBytes int64) ([]byte, error) {
	return readSection(file, sizeBytes, 3, MaxPackBytes)
}

func readSection(file io.ReaderAt, sizeBytes int64, index int, limit int64) ([]byte, error) {
	head := make([]byte, headerBytes)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	offsets, err := parseHeader(head[:n], sizeBytes)
	if err != nil {
		return nil, err
	}
	size := offsets[index+1] - offsets[index]
	if size > limit {
		return nil, bad(sections[index], "%d bytes are more than the %d allowed", size, limit)
	}
	return io.ReadAll(io.NewSectionReader(file, offsets[index], size))
}

// parseHeader gives where the sections begin, and at last the size.
func parseHeader(head []byte, sizeBytes int64) (offsets [5]int64, err error) {
	if sizeBytes > MaxPackBytes {
		return offsets, bad("pack", "%d bytes are more than the %d allowed", sizeBytes, MaxPackBytes)
	}
	if len(head) >= 2 && binary.BigEndian.Uint16(head) != magic {
		return offsets, bad("magic", "the file starts with %x instead of d5c0: it is no job pack", head[:2])
	}
	if len(head) < headerBytes {
		return offsets, bad("header", "the file ends after %d of the %d bytes of the header", len(head), headerBytes)
	}
	if found := binary.BigEndian.Uint16(head[2:]); found != version {
		return offsets, bad("version", "version %d is not supported; write version %d", found, version)
	}
	lowest := int64(headerBytes)
	for i, name := range sections {
		offset := int64(binary.BigEndian.Uint32(head[4+4*i:]))
		if offset < lowest {
			return offsets, bad(name+"_offset", "%d lies before %d, the end of what precedes it", offset, lowest)
		}
		if offset > sizeBytes {
			return offsets, bad(name+"_offset", "%d lies behind the end of the file at %d", offset, sizeBytes)
		}
		offsets[i], lowest = offset, offset
	}
	offsets[4] = sizeBytes
	return offsets, nil
}

// parseJSON decodes a section that is a JSON object without repeated keys.
func parseJSON(section string, content []byte, limit int) (map[string]any, error) {
	if len(content) > limit {
		return nil, bad(section, "%d bytes are more than the %d allowed", len(content), limit)
	}
	if !utf8.Valid(content) {
		return nil, bad(section, "it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, bad(section, "not valid JSON (%v)", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, bad(section, "not valid JSON (more follows it)")
	}
	object, is := value.(map[string]any)
	if !is {
		return nil, bad(section, "must be a JSON object, not %.80s", content)
	}
	if key := repeatedKey(json.NewDecoder(bytes.NewReader(content))); key != "" {
		return nil, bad(section, "the key %q is there twice", key)
	}
	return object, nil
}

// repeatedKey finds a key that an object of valid JSON has twice, which decoding would hide.
func repeatedKey(decoder *json.Decoder) string {
	token, err := decoder.Token()
	if err != nil {
		return ""
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for decoder.More() {
			token, err := decoder.Token()
			key, is := token.(string)
			if err != nil || !is {
				return ""
			}
			if seen[key] {
				return key
			}
			seen[key] = true
			if found := repeatedKey(decoder); found != "" {
				return found
			}
		}
		_, _ = decoder.Token() // the closing brace of JSON that is known to be valid
	case json.Delim('['):
		for decoder.More() {
			if found := repeatedKey(decoder); found != "" {
				return found
			}
		}
		_, _ = decoder.Token()
	}
	return ""
}
