package mapreduce

import (
	"iter"
	"strconv"

	disco "discoproject.org/disco/sdk-go"
)

// Sum adds up values that are decimal integers. It can be a Reduce and a Combine.
func Sum(key []byte, values iter.Seq[[]byte], emit Emit) error {
	var total int64
	for value := range values {
		number, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return disco.Fatalf("a value of the key %.200q cannot be added up: %w", key, err)
		}
		total += number
	}
	emit(key, strconv.AppendInt(nil, total, 10))
	return nil
}
