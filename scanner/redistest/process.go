package redistest

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"sync"
)

// process is a running program and its output.
type process struct {
	cmd  *exec.Cmd
	log  logBuffer
	done chan struct{} // closed when the process has ended
}

// find returns the path of the binary to run: b itself or, if it is empty,
// redis-server on the PATH, or valkey-server where a distribution ships that in its
// place.
func (b Binary) find() (string, error) {
	if b != "" {
		return string(b), nil
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNotInstalled
}

// startProcess runs a program. One goroutine, tied to its thread, starts and
// awaits it: Linux kills the child when the thread that started it ends, not
// when the process does (go.dev/issue/27505).
func startProcess(path string, args []string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.SysProcAttr = childAttr()
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended does not matter: it is in the log
		}
	}()
	return p, <-started
}

// kill ends the process and the children it forked (BGSAVE), and returns when it
// is gone. A process that ended before is left alone: its id may be another's.
func (p *process) kill() {
	select {
	case <-p.done:
	default:
		killAll(p.cmd.Process)
		<-p.done
	}
}

// PID returns the process id of redis-server.
func (s *Server) PID() int { return s.process.cmd.Process.Pid }

// Pause stops the process (SIGSTOP): connections stay open and nothing replies. It fails
// on Windows.
func (s *Server) Pause() error { return pauseProcess(s.process.cmd.Process) }

// Resume continues a paused process (SIGCONT).
func (s *Server) Resume() error { return resumeProcess(s.process.cmd.Process) }

// Log returns what redis-server has printed so far.
func (s *Server) Log() string { return s.process.log.String() }

// Kill ends the process at once (SIGKILL), as a crash would, and returns when it
// is gone. Stop is still needed.
func (s *Server) Kill() { s.process.kill() }

// Stop ends the server, by SHUTDOWN NOSAVE or else by SIGKILL, closes the clients
// that Client gave out and removes the folder. It is safe to call it again.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.closeClients()
		_ = s.Resume() // a paused server cannot end by itself
		s.shutdown()
		s.process.kill()
		s.stopErr = os.RemoveAll(s.dir)
	})
	return s.stopErr
}

// logBuffer is a bytes.Buffer that may be read while the process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
