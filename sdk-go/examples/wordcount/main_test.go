package main

import (
	"os"
	"strings"
	"testing"
)

// What the README shows is this program, which compiles.
func TestTheREADMEShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```go\n"+string(program)+"```") {
		t.Error("the README shows another word count")
	}
	if lines := strings.Count(string(program), "\n"); lines > 25 {
		t.Errorf("the word count has %d lines", lines)
	}
}

func TestWords(t *testing.T) {
	var got []string
	err := words(nil, []byte(" the cat\tthe "), func(word, one []byte) { got = append(got, string(word)+string(one)) })
	if err != nil || strings.Join(got, " ") != "the1 cat1 the1" {
		t.Errorf("%q, %v", got, err)
	}
}
