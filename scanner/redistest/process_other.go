//go:build !unix

package redistest

import (
	"errors"
	"os"
	"syscall"
	"time"
)

func childAttr() *syscall.SysProcAttr { return nil }

func killAll(p *os.Process) { _ = p.Kill() }

func pauseProcess(*os.Process) error { return errors.ErrUnsupported }

func resumeProcess(*os.Process) error { return errors.ErrUnsupported }

func sleepBriefly(d time.Duration) { time.Sleep(d) }
