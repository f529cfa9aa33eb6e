package main

import (
	"bytes"

	"discoproject.org/disco/sdk-go/mapreduce"
)

func main() {
	mapreduce.Main(mapreduce.Program{Map: words, Combine: mapreduce.Sum, Reduce: mapreduce.Sum})
}

func words(_, line []byte, emit mapreduce.Emit) error {
	for _, word := range bytes.Fields(line) {
		emit(word, []byte("1"))
	}
	return nil
}
