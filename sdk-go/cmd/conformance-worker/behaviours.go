package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/protocol"
	"discoproject.org/disco/sdk-go/record"
)

const maxWordBytes = 16 << 20

var behaviours = map[string]func(ctx context.Context, task *disco.Task, argument string) error{
	"echo":        echo,
	"wordcount":   wordcount,
	"split":       split,
	"say":         say,
	"ping":        ping,
	"fail-error":  func(context.Context, *disco.Task, string) error { return disco.Elsewheref("told to fail: café") },
	"fail-fatal":  func(context.Context, *disco.Task, string) error { return disco.Fatalf("told to fail for good: café") },
	"crash":       crash,
	"noisy":       noisy,
	"slow":        slow,
	"spawn-child": spawnChild,
	"print":       printBytes,
	"litter":      litter,
	"save":        save,
}

// echo writes all inputs, one after the other, as one disco output.
func echo(ctx context.Context, task *disco.Task, _ string) error {
	out, err := task.Output()
	if err != nil {
		return err
	}
	return copyInputs(ctx, task, out)
}

// save is echo into DDFS.
func save(ctx context.Context, task *disco.Task, _ string) error {
	out, err := task.Saved("")
	if err != nil {
		return err
	}
	return copyInputs(ctx, task, out)
}

func copyInputs(ctx context.Context, task *disco.Task, out io.Writer) error {
	return eachInput(ctx, task, func(input io.Reader) error {
		_, err := io.Copy(out, input)
		return err
	})
}

func eachInput(ctx context.Context, task *disco.Task, read func(io.Reader) error) error {
	for input, err := range task.Inputs(ctx) {
		if err != nil {
			return err
		}
		stream := input.Open(ctx)
		if err := read(stream); err != nil {
			return err
		}
		if err := stream.Close(); err != nil {
			return err
		}
	}
	return nil
}

// eachWord gives the words between white space.
func eachWord(ctx context.Context, task *disco.Task, take func(word []byte)) error {
	return eachInput(ctx, task, func(input io.Reader) error {
		words := bufio.NewScanner(input)
		words.Buffer(nil, maxWordBytes)
		words.Split(bufio.ScanWords)
		for words.Scan() {
			take(words.Bytes())
		}
		return words.Err()
	})
}

// wordcount writes lines `word count`, sorted by the bytes of the word; as a reduce it adds such lines up.
func wordcount(ctx context.Context, task *disco.Task, _ string) error {
	counts := map[string]int{}
	var err error
	if task.Mode == protocol.Reduce {
		err = eachInput(ctx, task, func(input io.Reader) error { return addUp(input, counts) })
	} else {
		err = eachWord(ctx, task, func(word []byte) { counts[string(word)]++ })
	}
	if err != nil {
		return err
	}
	out, err := task.Part(0)
	if err != nil {
		return err
	}
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		if _, err := fmt.Fprintf(out, "%s %d\n", word, counts[word]); err != nil {
			return err
		}
	}
	return nil
}

func addUp(input io.Reader, counts map[string]int) error {
	for line, err := range record.Lines(input) {
		if err != nil {
			return err
		}
		end := bytes.LastIndexByte(line, ' ')
		count, err := strconv.Atoi(string(line[end+1:]))
		if end < 0 || err != nil {
			return disco.Fatalf("%q is no line `word count`", line)
		}
		counts[string(line[:end])] += count
	}
	return nil
}

// split writes each word to the label that the partition function gives it.
func split(ctx context.Context, task *disco.Task, argument string) error {
	labels, err := number(argument, 3)
	if err != nil {
		return err
	}
	parts := map[int][]byte{}
	err = eachWord(ctx, task, func(word []byte) {
		label := record.Partition(word, labels)
		parts[label] = append(append(parts[label], word...), '\n')
	})
	if err != nil {
		return err
	}
	for _, label := range slices.Sorted(maps.Keys(parts)) {
		out, err := task.Part(label)
		if err != nil {
			return err
		}
		if _, err := out.Write(parts[label]); err != nil {
			return err
		}
	}
	return nil
}

// say sends messages, then echo.
func say(ctx context.Context, task *disco.Task, argument string) error {
	count, err := number(argument, 3)
	for i := 0; err == nil && i < count; i++ {
		err = task.Say("line %d — ünïcode", i)
	}
	if err != nil {
		return err
	}
	return echo(ctx, task, "")
}

// ping sends pings, then echo.
func ping(ctx context.Context, task *disco.Task, argument string) error {
	count, err := number(argument, 3)
	for i := 0; err == nil && i < count; i++ {
		err = task.Ping()
	}
	if err != nil {
		return err
	}
	return echo(ctx, task, "")
}

func crash(context.Context, *disco.Task, string) error {
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// noisy prints to both streams, as careless programs do, then echo.
func noisy(ctx context.Context, task *disco.Task, _ string) error {
	fmt.Println("a print")
	fmt.Println(`DONE 2 ""`)
	if _, err := os.Stderr.WriteString("a warning without end of line"); err != nil {
		return err
	}
	return echo(ctx, task, "")
}

// printBytes prints the bytes that HEX spells, as many times as the number after a * says, then echo.
func printBytes(ctx context.Context, task *disco.Task, argument string) error {
	digits, times, _ := strings.Cut(argument, "*")
	data, err := hex.DecodeString(digits)
	if err != nil {
		return disco.Fatalf("%q is no hexadecimal: %w", digits, err)
	}
	count, err := number(times, 1)
	if err != nil {
		return err
	}
	if _, err := os.Stdout.Write(bytes.Repeat(data, count)); err != nil {
		return err
	}
	return echo(ctx, task, "")
}

// litter leaves its surroundings changed, as careless programs do; its output is still open then.
func litter(ctx context.Context, task *disco.Task, _ string) error {
	if err := echo(ctx, task, ""); err != nil {
		return err
	}
	syscall.Umask(0o077)
	signal.Ignore(syscall.SIGTERM)
	return errors.Join(os.Setenv("LITTER", "left"), os.Chdir("/"))
}

// slow works for some seconds, then echo.
func slow(ctx context.Context, task *disco.Task, argument string) error {
	seconds := 1.0
	if argument != "" {
		var err error
		if seconds, err = strconv.ParseFloat(argument, 64); err != nil {
			return disco.Fatalf("%q is no number of seconds", argument)
		}
	}
	select {
	case <-time.After(time.Duration(seconds * float64(time.Second))):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return echo(ctx, task, "")
}

// spawnChild runs a child that prints, and waits for it, then echo.
func spawnChild(ctx context.Context, task *disco.Task, _ string) error {
	child := exec.CommandContext(ctx, "/bin/sh", "-c", "echo from the child; echo and its errors >&2")
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Run(); err != nil {
		return disco.Elsewheref("the child: %w", err)
	}
	return echo(ctx, task, "")
}

func number(text string, usual int) (int, error) {
	if text == "" {
		return usual, nil
	}
	found, err := strconv.Atoi(text)
	if err != nil || found < 1 {
		return 0, disco.Fatalf("%q is no positive number", text)
	}
	return found, nil
}
