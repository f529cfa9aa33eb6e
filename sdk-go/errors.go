package disco

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"

	"discoproject.org/disco/sdk-go/ddfs"
	"discoproject.org/disco/sdk-go/protocol"
	"discoproject.org/disco/sdk-go/record"
)

// Errors are sorted by what their receiver must do; errors.Is finds one of these in every error that a task can end
// with, or that a Worker returns.
var (
	// ErrElsewhere: this node or its data is at fault. Disco is told ERROR and tries the task again elsewhere.
	ErrElsewhere = errors.New("try elsewhere")
	// ErrFatal: the job is wrong and would fail anywhere. Disco is told FATAL and ends it.
	ErrFatal = errors.New("the job cannot succeed")
	// ErrReplica: one copy of an input cannot be read. The next is tried, and Disco is told INPUT_ERR when there is
	// none. Inputs handle it themselves; it is seen when all copies were lost, together with ErrElsewhere.
	ErrReplica = errors.New("bad replica")
	// ErrDisconnected: Disco closed the pipe, or has not answered in time. Nobody is left to be told.
	ErrDisconnected = errors.New("disconnected from Disco")
)

// Failure is an error with its kind, which is one of the above.
type Failure struct {
	Kind error
	Err  error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap lets errors.Is and errors.As see both.
func (f *Failure) Unwrap() []error { return []error{f.Kind, f.Err} }

// Fatalf makes an error that ends the job. It takes %w like fmt.Errorf.
func Fatalf(format string, values ...any) error {
	return &Failure{ErrFatal, fmt.Errorf(format, values...)}
}

// Elsewheref makes an error that makes Disco try the task on another node. It takes %w like fmt.Errorf.
func Elsewheref(format string, values ...any) error {
	return &Failure{ErrElsewhere, fmt.Errorf(format, values...)}
}

// kindOf sorts the error of a task. One that says nothing about itself is judged by where it comes from: files,
// networks and data may be better elsewhere, anything else is the program's own and would fail everywhere.
func kindOf(err error) error {
	for _, kind := range []error{ErrDisconnected, ErrFatal, ErrElsewhere} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	if isOfThisNode(err) {
		return ErrElsewhere
	}
	return ErrFatal
}

func isOfThisNode(err error) bool {
	var (
		damage  *record.DataError
		path    *fs.PathError
		link    *os.LinkError
		call    *os.SyscallError
		number  syscall.Errno
		network net.Error
		remote  *ddfs.Error
		frame   *protocol.FrameError
	)
	return errors.As(err, &damage) || errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &call) ||
		errors.As(err, &number) || errors.As(err, &network) || errors.As(err, &remote) || errors.As(err, &frame) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded)
}
