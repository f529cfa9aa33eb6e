// Package disco is what a worker for Disco is written with: Disco starts the program on its nodes, and the program
// carries out tasks of a job.
//
// Most programs want package mapreduce, where a job is a map and a reduce function. This package is the layer below:
// a function gets a Task, reads its Inputs and writes Outputs.
//
//	func main() {
//		disco.Main(func(ctx context.Context, task *disco.Task) error {
//			out, err := task.Output()
//			if err != nil {
//				return err
//			}
//			for input, err := range task.Inputs(ctx) {
//				if err != nil {
//					return err
//				}
//				if _, err := io.Copy(out, input.Open(ctx)); err != nil {
//					return err
//				}
//			}
//			return nil
//		})
//	}
//
// What it takes care of: the protocol (package protocol), polling for inputs that are still being made, replicas that
// fail, outputs that appear only when they are complete, heartbeats, prints that become messages, errors that are told
// by what Disco must do about them, and several tasks in one process.
//
// Package discotest plays Disco for tests, package record is the format of the data, packages ddfs, jobpack and job are
// the client's side.
package disco
