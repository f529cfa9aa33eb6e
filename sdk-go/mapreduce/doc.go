// Package mapreduce makes a worker of a map and a reduce function.
//
// The map gets the records of its inputs and emits pairs; all values of a key meet in one call of the reduce, on
// whatever node they were emitted and by a map in whatever language. A program is one call of Main:
//
//	func main() {
//		mapreduce.Main(mapreduce.Program{Map: words, Combine: sum, Reduce: sum})
//	}
//
// What a job may hold is bounded by disks, not by memory: pairs are sorted in runs that fit into Program.SortBytes, and
// the runs are merged. Keys are sorted by their bytes; the values of a key come in the order of the inputs.
//
// How many reduce tasks there are is said by the job's pack; a job without a reduce has the map's pairs as its result.
// Results are record streams (package record).
package mapreduce
