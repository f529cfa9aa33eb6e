package main

import (
	"bytes"
	"iter"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/mapreduce"
)

func main() {
	mapreduce.Main(mapreduce.Program{Map: byTitle, Reduce: join})
}

func byTitle(_, row []byte, emit mapreduce.Emit) error {
	table, rest, _ := bytes.Cut(row, []byte("\t"))
	title, text, found := bytes.Cut(rest, []byte("\t"))
	if !found {
		return disco.Fatalf("a row needs three columns: %.100q", row)
	}
	emit(title, bytes.Join([][]byte{table, text}, []byte("\t")))
	return nil
}

func join(title []byte, rows iter.Seq[[]byte], emit mapreduce.Emit) error {
	var years, lines [][]byte
	for row := range rows {
		table, text, _ := bytes.Cut(bytes.Clone(row), []byte("\t"))
		if string(table) == "year" {
			years = append(years, text)
		} else {
			lines = append(lines, text)
		}
	}
	for _, year := range years {
		for _, line := range lines {
			emit(title, bytes.Join([][]byte{year, line}, []byte("\t")))
		}
	}
	return nil
}
