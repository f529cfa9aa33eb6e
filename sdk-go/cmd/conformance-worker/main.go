// Conformance-worker does what the conformance suite asks of a worker: the part of the job's name before @ is the
// behaviour, and the part after it an argument.
//
//	disco-conformance worker -- ./conformance-worker
package main

import (
	"context"
	"strings"

	disco "discoproject.org/disco/sdk-go"
)

func main() { disco.Main(run) }

func run(ctx context.Context, task *disco.Task) error {
	name, argument, _ := strings.Cut(task.JobName, "@")
	behaviour, known := behaviours[name]
	if !known {
		return disco.Fatalf("this worker has no behaviour %q", name)
	}
	return behaviour(ctx, task, argument)
}
