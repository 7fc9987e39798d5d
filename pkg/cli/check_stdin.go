package cli

import (
	"errors"
	"io"
	"slices"
)

// maxKept is how many bytes of standard input are kept for the source lines of a report.
const maxKept = 4 << 20

// input is standard input. It remembers what it read.
type input struct {
	io.Reader
	kept []byte
	size int64
}

// Read reads on and keeps the beginning.
func (in *input) Read(p []byte) (int, error) {
	n, err := in.Reader.Read(p)
	in.size += int64(n)
	in.kept = append(in.kept, p[:min(n, maxKept-len(in.kept))]...)
	return n, err
}

// whole is what was read, if it was kept as a whole.
func (in *input) whole() ([]byte, error) {
	if in.size > int64(len(in.kept)) {
		return nil, errors.New("standard input is too long to be kept")
	}
	return in.kept, nil
}

// readStdinOnce refuses to read standard input for two things.
func (o *checkOptions) readStdinOnce(paths []string) error {
	uses := 0
	for _, name := range slices.Concat(paths, o.varFiles) {
		if name == "-" {
			uses++
		}
	}
	if uses > 1 {
		return errors.New("- is named more than once, and standard input can be read only once")
	}
	return nil
}
