package mapreduce

import (
	"bytes"
	"encoding/binary"
	"iter"

	disco "discoproject.org/disco/sdk-go"
)

// combineAt is how many values of a key are gathered before they are combined.
const combineAt = 64

// bucketBytes is about what a key costs beside its bytes.
const bucketBytes = 96

// combiner gathers the values of each key, and makes fewer of them, while memory lasts.
//
// Invariant: what it holds and what it has passed on are together equivalent, for the reduce, to what it was given.
type combiner struct {
	combine func(key []byte, values iter.Seq[[]byte], emit Emit) error
	limit   int
	next    Emit
	index   map[string]int
	buckets []bucket // in the order of their keys' first values
	held    int      // bytes
	spare   []byte
	err     error
}

type bucket struct {
	key    []byte
	values []byte // each after its length
	count  int
}

func newCombiner(combine func([]byte, iter.Seq[[]byte], Emit) error, limit int, next Emit) *combiner {
	return &combiner{combine: combine, limit: limit, next: next, index: map[string]int{}}
}

func (c *combiner) emit(key, value []byte) {
	if c.err != nil {
		return
	}
	place, known := c.index[string(key)]
	if !known {
		place = len(c.buckets)
		c.buckets = append(c.buckets, bucket{key: bytes.Clone(key)})
		c.index[string(key)] = place
		c.held += 2*len(key) + bucketBytes
	}
	bucket := &c.buckets[place]
	before := len(bucket.values)
	bucket.add(value)
	c.held += len(bucket.values) - before
	if bucket.count >= combineAt {
		c.err = c.shrink(bucket)
	}
	if c.held > c.limit && c.err == nil {
		c.err = c.flush()
	}
}

func (b *bucket) add(value []byte) {
	b.values = binary.AppendUvarint(b.values, uint64(len(value)))
	b.values = append(b.values, value...)
	b.count++
}

func (b *bucket) all() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := b.values; len(rest) > 0; {
			length, digits := binary.Uvarint(rest)
			end := digits + int(length)
			if !yield(rest[digits:end:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

// shrink replaces the values of a bucket by what the program makes of them.
func (c *combiner) shrink(b *bucket) error {
	made := bucket{values: c.spare[:0]}
	var other error
	err := c.combine(b.key, b.all(), func(key, value []byte) {
		if !bytes.Equal(key, b.key) {
			other = disco.Fatalf("Combine was given the key %q and emitted another, %q", b.key, key)
		}
		made.add(value)
	})
	if err == nil {
		err = other
	}
	c.held += len(made.values) - len(b.values)
	c.spare, b.values, b.count = b.values, made.values, made.count
	return err
}

// flush combines and passes on all that is held.
func (c *combiner) flush() error {
	if c.err != nil {
		return c.err
	}
	for i := range c.buckets {
		bucket := &c.buckets[i]
		if bucket.count > 1 {
			if err := c.shrink(bucket); err != nil {
				return err
			}
		}
		for value := range bucket.all() {
			c.next(bucket.key, value)
		}
	}
	clear(c.index)
	c.buckets, c.held = c.buckets[:0], 0
	return nil
}
