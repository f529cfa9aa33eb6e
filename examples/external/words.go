// The same word count as words.c, with nothing but the standard library: its argument says map or reduce.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
)

var (
	in  = bufio.NewReader(os.Stdin)
	out = bufio.NewWriter(os.Stdout)
)

// die ends the job.
func die(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "**<ERR> "+format+"\n", values...)
	os.Exit(1)
}

// skipParameters reads past the parameters, which this program does not need.
func skipParameters() {
	size, err := in.ReadString('\n')
	if err == io.EOF && size == "" {
		return
	}
	count, wrong := strconv.Atoi(size[:max(0, len(size)-1)])
	if err != nil || wrong != nil {
		die("the parameters have no size: %q", size)
	}
	if _, err := in.Discard(count); err != nil {
		die("the input ends inside the parameters")
	}
}

// readEntry gives a key or a value; false at the end of the input.
func readEntry() ([]byte, bool) {
	var size uint32
	if err := binary.Read(in, binary.LittleEndian, &size); err == io.EOF {
		return nil, false
	} else if err != nil {
		die("the input ends inside a length")
	}
	entry := make([]byte, size)
	if _, err := io.ReadFull(in, entry); err != nil {
		die("the input ends inside an entry of %d bytes", size)
	}
	return entry, true
}

func number(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

func writeEntry(entry []byte) {
	out.Write(number(len(entry)))
	out.Write(entry) // what cannot be written fails in flush
}

func flush() {
	if err := out.Flush(); err != nil {
		die("the results cannot be written: %v", err)
	}
}

func pairs(take func(key, value []byte)) {
	for {
		key, more := readEntry()
		if !more {
			return
		}
		value, more := readEntry()
		if !more {
			die("the input ends between a key and its value")
		}
		take(key, value)
	}
}

func main() {
	skipParameters()
	switch {
	case len(os.Args) == 2 && os.Args[1] == "map":
		pairs(func(_, line []byte) {
			words := bytes.Fields(line)
			out.Write(number(len(words)))
			for _, word := range words {
				writeEntry(word)
				writeEntry([]byte("1"))
			}
			flush()
		})
	case len(os.Args) == 2 && os.Args[1] == "reduce":
		counts := map[string]int{}
		pairs(func(word, count []byte) {
			n, err := strconv.Atoi(string(count))
			if err != nil {
				die("%q is no count", count)
			}
			counts[string(word)] += n
		})
		out.Write(number(len(counts)))
		for _, word := range slices.Sorted(maps.Keys(counts)) {
			writeEntry([]byte(word))
			writeEntry([]byte(strconv.Itoa(counts[word])))
		}
		flush()
	default:
		die("the argument must be map or reduce")
	}
}
