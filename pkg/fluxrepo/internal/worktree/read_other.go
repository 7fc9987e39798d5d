//go:build !unix

package worktree

import (
	"errors"
	"io"
	"os"
)

// readInto reads a file into a buffer, which grows as needed.
func readInto(name string, buf []byte) (_ []byte, n int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return buf, 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	for {
		m, err := f.Read(buf[n:])
		n += m
		switch {
		case errors.Is(err, io.EOF):
			return buf, n, nil
		case err != nil:
			return buf, n, err
		case n > maxFile:
			return buf, n, errTooLarge
		case n == len(buf):
			buf = append(buf, make([]byte, max(len(buf), 4096))...)
		}
	}
}
