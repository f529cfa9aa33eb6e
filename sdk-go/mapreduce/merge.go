package mapreduce

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"os"

	"discoproject.org/disco/sdk-go/record"
)

// run is a sorted sequence of pairs, each valid until the next.
type run interface {
	next() (one record.Record, more bool, err error)
}

// memoryRun gives what a sorter holds, once it is sorted.
type memoryRun struct {
	sorter *sorter
	at     int
}

func (r *memoryRun) next() (record.Record, bool, error) {
	if r.at == len(r.sorter.entries) {
		return record.Record{}, false, nil
	}
	one, _, ok := record.CutKV(r.sorter.arena[r.sorter.entries[r.at].offset:])
	r.at++
	if !ok {
		return one, false, errors.New("the sort lost a record") // the arena holds whole pairs only
	}
	return one, true, nil
}

type fileRun struct{ reader *record.Reader }

func (r *fileRun) next() (record.Record, bool, error) {
	one, err := r.reader.Read()
	if err == io.EOF {
		return one, false, nil
	}
	return one, err == nil, err
}

// merger merges runs, with a heap of their least pairs. Of equal keys, the run that was added first comes first.
type merger struct {
	heap  []head
	files []*os.File
	added int
	stale bool // the pair at the top has been given out
}

type head struct {
	one    record.Record
	prefix uint64
	source run
	number int
}

func (m *merger) add(source run) error {
	one, more, err := source.next()
	if err != nil || !more {
		return err
	}
	m.heap = append(m.heap, head{one, prefixOf(one.Key), source, m.added})
	m.added++
	for i := len(m.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !m.less(i, parent) {
			break
		}
		m.heap[i], m.heap[parent] = m.heap[parent], m.heap[i]
		i = parent
	}
	return nil
}

func (m *merger) less(i, j int) bool {
	a, b := &m.heap[i], &m.heap[j]
	if a.prefix != b.prefix {
		return a.prefix < b.prefix
	}
	if order := bytes.Compare(a.one.Key, b.one.Key); order != 0 {
		return order < 0
	}
	return a.number < b.number
}

func (m *merger) next() (record.Record, bool, error) {
	if m.stale {
		m.stale = false
		if err := m.advance(); err != nil {
			return record.Record{}, false, err
		}
	}
	if len(m.heap) == 0 {
		return record.Record{}, false, nil
	}
	m.stale = true
	return m.heap[0].one, true, nil
}

// advance replaces the pair at the top by the next of its run.
func (m *merger) advance() error {
	one, more, err := m.heap[0].source.next()
	if err != nil {
		return err
	}
	if more {
		m.heap[0].one, m.heap[0].prefix = one, prefixOf(one.Key)
	} else {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.heap); child++ {
			if m.less(child, least) {
				least = child
			}
		}
		if least == i {
			return nil
		}
		m.heap[i], m.heap[least] = m.heap[least], m.heap[i]
		i = least
	}
}

func (m *merger) close() error {
	var errs []error
	for _, file := range m.files {
		errs = append(errs, file.Close())
	}
	m.files = nil
	return errors.Join(errs...)
}

// groups cuts a sorted run into the groups of one key each.
type groups struct {
	source run
	key    []byte
	begun  bool // there was a key
	now    record.Record
	ready  bool // now has not been given out
	ended  bool
	err    error
}

// next goes on to the next key; what was not read of the one before is passed over.
func (g *groups) next() bool {
	for !g.ended {
		if !g.ready {
			g.pull()
			continue
		}
		if !g.begun || !bytes.Equal(g.now.Key, g.key) {
			g.key, g.begun = append(g.key[:0], g.now.Key...), true
			return true
		}
		g.ready = false
	}
	return false
}

func (g *groups) pull() {
	one, more, err := g.source.next()
	g.now, g.ready = one, more && err == nil
	g.err, g.ended = err, !g.ready
}

// values gives the values of the key; once.
func (g *groups) values() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for !g.ended {
			if !g.ready {
				g.pull()
				continue
			}
			if !bytes.Equal(g.now.Key, g.key) {
				return
			}
			g.ready = false
			if !yield(g.now.Value) {
				return
			}
		}
	}
}
