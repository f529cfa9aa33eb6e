// Package protocol is the worker protocol of Disco, version 1.0, without any input or output of its own.
//
// A worker asks, Disco answers each request once, in order. Bytes go in and messages come out, for both ends:
//
//	FrameReader   pieces of a byte stream become frames: NAME SP LENGTH SP PAYLOAD LF
//	Parse         a frame becomes a message, its payload checked word by word
//	Session       says which message may come next, by one table for both roles
//
// The package never reads, writes, waits or looks at a clock; package disco does that for a worker, and package
// discotest for the other end. Errors are sorted by what the receiver must do: see FrameError and MessageError.
package protocol
