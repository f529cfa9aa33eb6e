// Package discotest plays Disco for the tests of workers: no master, no network, no process.
//
//	func TestCount(t *testing.T) {
//		worker := &disco.Worker{Task: count}
//		result := discotest.Run(t, worker, discotest.Task{Inputs: []discotest.Input{{Replicas: []string{"raw://a%20b"}}}})
//		if got := string(result.Disco()); got != "a 1\nb 1\n" {
//			t.Errorf("got %q", got)
//		}
//	}
//
// A Disco is scripted: which inputs come when, which replicas it names after others failed, how its bytes are cut into
// pieces, and what it says instead of an answer. A request that breaks the protocol is an error of the conversation.
package discotest
