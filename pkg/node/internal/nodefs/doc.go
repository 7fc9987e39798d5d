// Package nodefs reads the files of one node: below a folder (OpenRoot) or out of an archive (OpenBundle); the room talosctl in it
// reads them through that program. All are Files, with the same answers and the same errors. All input is hostile: names, sizes, symbolic links and
// contents are bounded, and nothing is ever written, neither on the node nor out of an archive.
//
// A file that the node lacks (fs.ErrNotExist) is not one that was merely not handed over (ErrNotGiven).
//
// The package knows nothing of what a file says. Of the project it may import pkg/validate and, beside it, redact.
package nodefs
