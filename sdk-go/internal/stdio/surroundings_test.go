package stdio

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
)

func TestSurroundingsComeBack(t *testing.T) {
	t.Setenv("DISCO_TEST_KEPT", "kept")
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := Keep()
	if err != nil {
		t.Fatal(err)
	}
	mask := syscall.Umask(0o123)
	if err := os.Chdir(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"DISCO_TEST_KEPT": "changed", "DISCO_TEST_NEW": "x=y"} {
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
	signal.Ignore(syscall.SIGUSR1)
	listened := 0
	for range 2 {
		if err := kept.Restore(func() { listened++ }); err != nil {
			t.Fatal(err)
		}
	}
	after, err := os.Getwd()
	if err != nil || after != before {
		t.Errorf("the working directory is %s, not %s (%v)", after, before, err)
	}
	if _, is := os.LookupEnv("DISCO_TEST_NEW"); is || os.Getenv("DISCO_TEST_KEPT") != "kept" {
		t.Errorf("the environment is %v", os.Environ())
	}
	if got := syscall.Umask(mask); got != mask {
		t.Errorf("the umask is %o, not %o", got, mask)
	}
	if signal.Ignored(syscall.SIGUSR1) || listened != 1 {
		t.Errorf("the signal is ignored, or was listened to again %d times", listened)
	}
}
