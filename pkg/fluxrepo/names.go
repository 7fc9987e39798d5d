package fluxrepo

import (
	"bytes"
	"hash/fnv"
	"slices"
)

// readNames keeps what the objects of a file could be called, as hashes.
func (f *file) readNames(data []byte) {
	if f.marks&(markConfigMap|markSecret|markSource) == 0 {
		return
	}
	for len(data) > 0 && !f.odd {
		_, after, found := bytes.Cut(data, []byte("name"))
		if !found {
			break
		}
		data = after
		rest, isKey := bytes.CutPrefix(bytes.TrimLeft(after, `"' `), []byte(":"))
		if !isKey {
			continue
		}
		value, _, _ := bytes.Cut(rest, []byte("\n"))
		value, _, _ = bytes.Cut(value, []byte(" #"))
		value = bytes.Trim(value, " \t\r\"'")
		if len(value) == 0 || bytes.ContainsAny(value, "&*|>{},?!$\\") || len(f.names) > 64 {
			f.odd, f.names = true, nil
			break
		}
		if h := nameHash(value); !slices.Contains(f.names, h) {
			f.names = append(f.names, h)
		}
	}
}

// mayName tells whether a file could hold an object of a name.
func (f *file) mayName(name string) bool {
	return f.odd || f.err != nil || slices.Contains(f.names, nameHash([]byte(name)))
}

func nameHash(name []byte) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(name) // never fails
	return h.Sum32()
}
