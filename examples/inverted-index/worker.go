package main

import (
	"bytes"
	"iter"
	"slices"
	"strconv"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/mapreduce"
)

func main() {
	mapreduce.Main(mapreduce.Program{Map: mentions, Reduce: postings})
}

func mentions(_, line []byte, emit mapreduce.Emit) error {
	number, text, found := bytes.Cut(line, []byte("\t"))
	if !found {
		return disco.Fatalf("a line needs its number before it: %.100q", line)
	}
	seen := map[string]bool{}
	for _, word := range bytes.FieldsFunc(text, isNoLetter) {
		word = bytes.ToLower(word)
		if !seen[string(word)] {
			seen[string(word)] = true
			emit(word, number)
		}
	}
	return nil
}

func postings(word []byte, numbers iter.Seq[[]byte], emit mapreduce.Emit) error {
	var lines []int
	for text := range numbers {
		number, err := strconv.Atoi(string(text))
		if err != nil {
			return disco.Fatalf("a line's number: %w", err)
		}
		lines = append(lines, number)
	}
	slices.Sort(lines)
	var list []byte
	for _, number := range slices.Compact(lines) {
		list = append(strconv.AppendInt(list, int64(number), 10), ' ')
	}
	emit(word, bytes.TrimSuffix(list, []byte(" ")))
	return nil
}

// isNoLetter is about ASCII alone, as in the other languages.
func isNoLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }
