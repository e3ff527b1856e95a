package profile

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAtomicFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no small disk to fill: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	path := filepath.Join(dir, "a")
	if err := writeAtomic(path, some(5)); err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(path, some(1<<20)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
	onlyFile(t, dir, "a", 5)
}
