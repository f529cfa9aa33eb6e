// Package stdio takes a worker's standard streams away from its program: standard input and error are the protocol,
// so nothing that the program or a child of it reads or prints may touch them.
//
// After Claim, file descriptor 0 is /dev/null, and 1 and 2 are one pipe, whose text goes to a sink line by line. What
// the Go runtime writes when a goroutine of the program panics goes to the real standard error too, where Disco keeps
// it as the worker's last words.
package stdio

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
)

var claimed atomic.Bool

// Claim gives the streams of the protocol and the pipe that catches prints. A process can do it once.
func Claim() (in, out *os.File, prints *Prints, err error) {
	if claimed.Swap(true) {
		return nil, nil, nil, errors.New("the standard streams of this process are taken already")
	}
	if in, err = duplicate(0, "replies"); err != nil {
		return nil, nil, nil, err
	}
	if out, err = duplicate(2, "requests"); err != nil {
		return nil, nil, nil, err
	}
	if prints, err = newPrints(); err != nil {
		return nil, nil, nil, err
	}
	nothing, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	for target, source := range map[int]*os.File{0: nothing, 1: prints.write, 2: prints.write} {
		if err := replace(int(source.Fd()), target); err != nil {
			return nil, nil, nil, fmt.Errorf("moving file descriptor %d away: %w", target, err)
		}
	}
	if err := debug.SetCrashOutput(out, debug.CrashOptions{}); err != nil {
		return nil, nil, nil, err
	}
	return in, out, prints, nothing.Close()
}

// duplicate makes another file descriptor, which children do not inherit.
func duplicate(fd int, name string) (*os.File, error) {
	copied, err := syscall.Dup(fd)
	if err != nil {
		return nil, fmt.Errorf("duplicating file descriptor %d: %w", fd, err)
	}
	syscall.CloseOnExec(copied)
	return os.NewFile(uintptr(copied), name), nil
}

// EndGroup asks the other processes of the group to end, if this process leads one, as a worker does.
func EndGroup() error {
	if syscall.Getpgrp() != os.Getpid() {
		return nil
	}
	return syscall.Kill(0, syscall.SIGTERM)
}
