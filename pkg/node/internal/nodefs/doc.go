// Package nodefs reads the files of one node: below a folder (OpenRoot) or out of an archive (OpenBundle). Whoever reads
// through Files cannot see which. All input is hostile: names, sizes, symbolic links and contents are
// bounded, and nothing is ever written, neither on the node nor out of an archive.
//
// A file that the node lacks (fs.ErrNotExist) is not one that was merely not handed over (ErrNotGiven).
package nodefs
