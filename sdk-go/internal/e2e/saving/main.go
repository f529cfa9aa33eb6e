// Saving is a worker whose results are stored in DDFS.
package main

import (
	"bytes"

	"discoproject.org/disco/sdk-go/mapreduce"
)

func main() {
	mapreduce.Main(mapreduce.Program{Map: words, Reduce: mapreduce.Sum, Save: true, Codec: mapreduce.Zstd})
}

func words(_, line []byte, emit mapreduce.Emit) error {
	for _, word := range bytes.Fields(line) {
		emit(word, []byte("1"))
	}
	return nil
}
