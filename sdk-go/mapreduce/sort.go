package mapreduce

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"discoproject.org/disco/sdk-go/record"
)

const (
	// maxRuns is how many runs are merged at a time.
	maxRuns      = 64
	entryBytes   = 16
	runHunkBytes = 64 << 10 // small, since a merge holds one of each run
	runBufferLen = 64 << 10
)

// sorter sorts pairs by the bytes of their keys; pairs of one key stay in the order in which they were added. What
// does not fit into memory is written in sorted runs, which are merged at the end.
type sorter struct {
	dir     string
	limit   int // bytes in memory
	arena   []byte
	entries []entry
	runs    []string // in the order in which they were added
	made    int
}

// entry is where a pair lies in the arena, with the start of its key, which decides most comparisons.
type entry struct {
	prefix uint64
	offset int
}

func newSorter(dir string, limit int) *sorter { return &sorter{dir: dir, limit: limit} }

func (s *sorter) add(key, value []byte) error {
	s.entries = append(s.entries, entry{prefixOf(key), len(s.arena)})
	s.arena = record.AppendKV(s.arena, key, value)
	if len(s.arena)+entryBytes*len(s.entries) > s.limit {
		return s.spill()
	}
	return nil
}

// prefixOf is the first 8 bytes of a key as a number that sorts like them.
func prefixOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var padded [8]byte
	copy(padded[:], key)
	return binary.BigEndian.Uint64(padded[:])
}

func (s *sorter) keyAt(offset int) []byte {
	length := int(binary.LittleEndian.Uint32(s.arena[offset:]))
	return s.arena[offset+4 : offset+4+length]
}

func (s *sorter) sortEntries() {
	slices.SortFunc(s.entries, func(a, b entry) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		if byKey := bytes.Compare(s.keyAt(a.offset), s.keyAt(b.offset)); byKey != 0 {
			return byKey
		}
		return cmp.Compare(a.offset, b.offset)
	})
}

// spill writes what is in memory as a run.
func (s *sorter) spill() error {
	s.sortEntries()
	err := s.writeRun(&memoryRun{sorter: s})
	s.arena, s.entries = s.arena[:0], s.entries[:0]
	return err
}

func (s *sorter) writeRun(source run) (err error) {
	path := filepath.Join(s.dir, fmt.Sprintf("run-%d", s.made))
	s.made++
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	buffered := bufio.NewWriterSize(file, runBufferLen)
	writer, err := record.NewWriter(buffered, record.None)
	if err != nil {
		return err
	}
	writer = writer.Sibling(buffered, runHunkBytes)
	for {
		one, more, err := source.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := writer.Write(one.Key, one.Value); err != nil {
			return err
		}
	}
	s.runs = append(s.runs, path)
	if err := writer.Flush(); err != nil {
		return err
	}
	return buffered.Flush()
}

// sorted gives all pairs. Nothing may be added any more.
func (s *sorter) sorted() (*merger, error) {
	s.sortEntries()
	for len(s.runs) >= maxRuns {
		batch := s.runs[:maxRuns]
		rest := slices.Clone(s.runs[maxRuns:])
		merged, err := s.open(batch)
		if err != nil {
			return nil, err
		}
		s.runs = nil
		if err := errors.Join(s.writeRun(merged), merged.close()); err != nil {
			return nil, err
		}
		for _, path := range batch {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		}
		// What was merged came first, and stays there.
		s.runs = append(s.runs, rest...)
	}
	merged, err := s.open(s.runs)
	if err != nil {
		return nil, err
	}
	return merged, merged.add(&memoryRun{sorter: s})
}

func (s *sorter) open(paths []string) (*merger, error) {
	merged := &merger{}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return nil, errors.Join(err, merged.close())
		}
		merged.files = append(merged.files, file)
		reader := record.NewReader(bufio.NewReaderSize(file, runBufferLen), path)
		if err := merged.add(&fileRun{reader}); err != nil {
			return nil, errors.Join(err, merged.close())
		}
	}
	return merged, nil
}
