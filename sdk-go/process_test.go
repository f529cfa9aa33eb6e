package disco_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	disco "discoproject.org/disco/sdk-go"
	"discoproject.org/disco/sdk-go/discotest"
	"discoproject.org/disco/sdk-go/protocol"
)

// The test binary is also the worker of the tests below, which need a process of its own.
const taskVariable = "DISCO_TEST_TASK"

var processTasks = map[string]func(context.Context, *disco.Task) error{
	"prints": func(_ context.Context, task *disco.Task) error {
		fmt.Println("to stdout")
		if task.TaskID == 2 {
			return nil
		}
		log.SetFlags(0)
		log.Print("to the log")
		child := exec.Command("/bin/sh", "-c", "cat; echo of a child; echo and its errors >&2")
		child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := child.Run(); err != nil {
			return err
		}
		fmt.Print("DONE 2 \"\"\nno end")
		return nil
	},
	"goroutine": func(ctx context.Context, _ *disco.Task) error {
		go func() { panic("in a goroutine of the program") }()
		<-ctx.Done()
		return nil
	},
	"waits": func(ctx context.Context, task *disco.Task) error {
		if err := task.Say("waiting"); err != nil {
			return err
		}
		child := exec.CommandContext(ctx, "/bin/sleep", "1000")
		return child.Run()
	},
}

func TestMain(m *testing.M) {
	if task, is := processTasks[os.Getenv(taskVariable)]; is {
		disco.Main(task)
	}
	os.Exit(m.Run())
}

// runProcess plays Disco for a worker process that is started as Disco does it, and gives its last words too.
func runProcess(t *testing.T, name string, disc *discotest.Disco, during func(*os.Process)) (*discotest.Result, string, error) {
	t.Helper()
	disc.Home = t.TempDir()
	command := exec.Command(os.Args[0])
	command.Env = []string{taskVariable + "=" + name, "PATH=/bin:/usr/bin"}
	command.Dir = disc.Home
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = write, write
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if during != nil {
		during(command.Process)
	}
	result, err := disc.Converse(read, in)
	var words string
	var frame *protocol.FrameError
	if errors.As(err, &frame) {
		var rest bytes.Buffer
		_, _ = rest.ReadFrom(read)
		words = string(frame.Bytes) + rest.String()
	} else if err != nil {
		t.Errorf("the worker broke the protocol: %v", err)
	}
	ended := command.Wait()
	_ = in.Close()
	_ = read.Close()
	return result, words, ended
}

func TestPrintsOfAProcessBecomeMessages(t *testing.T) {
	second := discotest.Task{}
	second.TaskID = 2
	result, words, err := runProcess(t, "prints", &discotest.Disco{Tasks: []discotest.Task{{}, second}}, nil)
	if err != nil || words != "" || ending(result) != "DONE" {
		t.Errorf("%v, %q, %s", err, words, ending(result))
	}
	want := []string{"to stdout", "to the log", "of a child", "and its errors", `DONE 2 ""`, "no end", "to stdout"}
	if got := strings.Join(result.Messages, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the messages are\n%s", got)
	}
}

func TestAPanicInAGoroutineIsTheLastWord(t *testing.T) {
	result, words, err := runProcess(t, "goroutine", &discotest.Disco{Tasks: []discotest.Task{{}}}, nil)
	if err == nil || result.Ending != nil || !strings.Contains(words, "in a goroutine of the program") {
		t.Errorf("%v, %q, %v", err, words, result.Ending)
	}
}

func TestSIGTERMEndsTheWorkerAndItsChildren(t *testing.T) {
	var process *os.Process
	disc := &discotest.Disco{Tasks: []discotest.Task{{}}, Instead: func(request protocol.Request) *discotest.Instead {
		if request.Name() == "MSG" {
			if err := process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		return nil
	}}
	result, words, err := runProcess(t, "waits", disc, func(started *os.Process) { process = started })
	if err == nil || result.Ending != nil || words != "" {
		t.Errorf("%v, %q, %v", err, words, result.Ending)
	}
	if err := syscall.Kill(-process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a process of its group lives on (%v)", err)
	}
}
