package stdio

import (
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Surroundings are what a task may change of its process and the next one must not find: the working directory, the
// environment, the umask, and signals that are ignored.
type Surroundings struct {
	home      string
	variables []string
	mask      int
	ignored   map[os.Signal]bool
}

// Keep notes how they are now.
func Keep() (*Surroundings, error) {
	home, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	return &Surroundings{home: home, variables: os.Environ(), mask: mask, ignored: ignoredSignals()}, nil
}

// Restore sets them right. listen is called when signals that were not ignored before are so now: whoever ignored them
// took them from all channels.
func (s *Surroundings) Restore(listen func()) error {
	err := os.Chdir(s.home)
	syscall.Umask(s.mask)
	var back []os.Signal
	for one := range ignoredSignals() {
		if !s.ignored[one] {
			back = append(back, one)
		}
	}
	if back != nil {
		// Reset alone does not undo Ignore; Notify does.
		scratch := make(chan os.Signal, 1)
		signal.Notify(scratch, back...)
		signal.Stop(scratch)
		listen()
	}
	return errors.Join(err, s.restoreVariables())
}

func (s *Surroundings) restoreVariables() error {
	if strings.Join(os.Environ(), "\x00") == strings.Join(s.variables, "\x00") {
		return nil
	}
	os.Clearenv()
	var errs []error
	for _, variable := range s.variables {
		if name, value, is := strings.Cut(variable, "="); is && name != "" {
			errs = append(errs, os.Setenv(name, value))
		}
	}
	return errors.Join(errs...)
}

const classicSignals = 31

func ignoredSignals() map[os.Signal]bool {
	found := map[os.Signal]bool{}
	for number := syscall.Signal(1); number <= classicSignals; number++ {
		if signal.Ignored(number) {
			found[number] = true
		}
	}
	return found
}
