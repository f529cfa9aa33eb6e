package stdio

import "syscall"

// replace makes target another name of source. Not every Linux has dup2.
func replace(source, target int) error { return syscall.Dup3(source, target, 0) }
