//go:build unix && !linux

package stdio

import "syscall"

// replace makes target another name of source.
func replace(source, target int) error { return syscall.Dup2(source, target) }
