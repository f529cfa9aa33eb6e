package main

import (
	"iter"

	"discoproject.org/disco/sdk-go/mapreduce"
)

const keyBytes = 10

func main() {
	mapreduce.Main(mapreduce.Program{Map: byKey, Reduce: asTheyCome})
}

func byKey(_, record []byte, emit mapreduce.Emit) error {
	size := min(keyBytes, len(record))
	emit(record[:size], record[size:])
	return nil
}

func asTheyCome(key []byte, rests iter.Seq[[]byte], emit mapreduce.Emit) error {
	for rest := range rests {
		emit(key, rest)
	}
	return nil
}
