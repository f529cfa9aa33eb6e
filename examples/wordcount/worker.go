package main

import "discoproject.org/disco/sdk-go/mapreduce"

func main() {
	mapreduce.Main(mapreduce.Program{Map: words, Combine: mapreduce.Sum, Reduce: mapreduce.Sum})
}

// words takes ASCII white space alone as the end of a word, as the other languages do; bytes.Fields would take more.
func words(_, line []byte, emit mapreduce.Emit) error {
	start := 0
	for at, char := range line {
		if char == ' ' || '\t' <= char && char <= '\r' {
			if at > start {
				emit(line[start:at], one)
			}
			start = at + 1
		}
	}
	if start < len(line) {
		emit(line[start:], one)
	}
	return nil
}

var one = []byte("1")
