package main

import (
	"bytes"
	"os"

	"discoproject.org/disco/sdk-go/mapreduce"
)

var pattern = []byte(os.Getenv("PATTERN"))

func main() {
	mapreduce.Main(mapreduce.Program{Map: matching})
}

func matching(_, line []byte, emit mapreduce.Emit) error {
	if bytes.Contains(line, pattern) {
		emit(pattern, line)
	}
	return nil
}
