package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// documents go into every archive.
var documents = []string{"LICENSE", "README.md"}

// pack puts the program, what belongs to it and the documents into an archive
// beside the program's folder, zip for Windows and tar.gz for the others, and
// removes the folder.
func pack(p platform, program string, extras []string) (string, error) {
	folder := filepath.Dir(program)
	files := slices.Concat([]string{program}, extras, documents)
	archive, write := folder+".tar.gz", writeTar
	if p.os == "windows" {
		archive, write = folder+".zip", writeZip
	}
	f, err := os.Create(archive)
	if err != nil {
		return "", err
	}
	if err := errors.Join(write(f, filepath.Base(folder), files), f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", archive, err)
	}
	return archive, os.RemoveAll(folder)
}

func writeTar(w io.Writer, folder string, files []string) error {
	compressed := gzip.NewWriter(w)
	archive := tar.NewWriter(compressed)
	for _, file := range files {
		err := copyInto(file, func(size int64) (io.Writer, error) {
			return archive, archive.WriteHeader(&tar.Header{
				Name: folder + "/" + filepath.Base(file), Mode: mode(file), Size: size, ModTime: stamp(),
			})
		})
		if err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func writeZip(w io.Writer, folder string, files []string) error {
	archive := zip.NewWriter(w)
	for _, file := range files {
		err := copyInto(file, func(int64) (io.Writer, error) {
			return archive.CreateHeader(&zip.FileHeader{
				Name: folder + "/" + filepath.Base(file), Method: zip.Deflate, Modified: stamp(),
			})
		})
		if err != nil {
			return err
		}
	}
	return archive.Close()
}

// copyInto copies a file to the entry that open makes for its size in bytes.
func copyInto(file string, open func(size int64) (io.Writer, error)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	entry, err := open(info.Size())
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, f)
	return err
}

func mode(file string) int64 {
	if name := filepath.Base(file); name == "keyprof" || name == "keyprof.exe" {
		return 0o755
	}
	return 0o644
}

// stamp returns the time of all files: SOURCE_DATE_EPOCH in Unix seconds, or 1980, the
// earliest that zip can represent. The same source gives the same archives.
func stamp() time.Time {
	if s, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(s, 0).UTC()
	}
	return time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)
}

// writeSums writes the input of `sha256sum -c`.
func writeSums(path string, archives []string) error {
	var sums strings.Builder
	for _, archive := range archives {
		sum := sha256.New()
		err := copyInto(archive, func(int64) (io.Writer, error) { return sum, nil })
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sum.Sum(nil), filepath.Base(archive))
	}
	return os.WriteFile(path, []byte(sums.String()), 0o644)
}
