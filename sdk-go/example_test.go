package disco_test

import (
	"bytes"
	"context"
	"fmt"
	"os"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
)

// A worker that writes its inputs in capitals. Its main function would be disco.Main(shout).
func Example() {
	shout := func(ctx context.Context, task *disco.Task) error {
		out, err := task.Output()
		if err != nil {
			return err
		}
		for input, err := range task.Inputs(ctx) {
			if err != nil {
				return err
			}
			for line, err := range input.Lines(ctx) {
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "%s\n", bytes.ToUpper(line))
			}
		}
		return nil
	}

	home, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	input := discotest.Input{Replicas: []string{"raw://one%0Atwo"}}
	played := &discotest.Disco{Home: home, Tasks: []discotest.Task{{Inputs: []discotest.Input{input}}}}
	result, err := played.Play(context.Background(), &disco.Worker{Task: shout})
	fmt.Printf("%s%v %v\n", result.Disco(), err, result.Err)
	// Output:
	// ONE
	// TWO
	// <nil> <nil>
}

func ExampleFatalf() {
	err := disco.Fatalf("the parameter %s is missing", "depth")
	fmt.Println(err)
	// Output: the parameter depth is missing
}
