package stdio

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// toldOf prints pieces, with a flush after each, and gives what the sink got.
func toldOf(t *testing.T, pieces ...string) []string {
	t.Helper()
	prints, err := newPrints()
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		prints.Tell(func(text string) { told = append(told, text) })
	}()
	for _, piece := range pieces {
		if _, err := prints.write.WriteString(piece); err != nil {
			t.Fatal(err)
		}
		if err := prints.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := prints.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	return told
}

func TestLinesAreTold(t *testing.T) {
	many := strings.Repeat("x\n", maxLinesAlone+1)
	for _, test := range []struct{ pieces, want []string }{
		{[]string{"a\nb\n"}, []string{"a", "b"}},
		{[]string{"no end"}, []string{"no end"}},
		{[]string{"a", "b\n", "\n"}, []string{"a", "b", ""}},
		{[]string{many}, []string{strings.TrimSuffix(many, "\n")}},
		{[]string{"DONE 2 \"\"\n"}, []string{`DONE 2 ""`}},
	} {
		if got := toldOf(t, test.pieces...); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q told as %q, want %q", test.pieces, got, test.want)
		}
	}
}

func TestNothingIsLostOfALongLine(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	if got := strings.Join(toldOf(t, long), ""); got != long {
		t.Errorf("%d of %d bytes", len(got), len(long))
	}
}

func TestFlushGivesUpWithItsContext(t *testing.T) {
	prints, err := newPrints()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(fmt.Errorf("enough"))
	if err := prints.Flush(ctx); err == nil || err.Error() != "enough" {
		t.Errorf("%v", err)
	}
}
