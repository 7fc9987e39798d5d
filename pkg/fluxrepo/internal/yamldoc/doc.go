// Package yamldoc reads YAML documents within bounds.
//
// In come the bytes of a file or of a text that stands in one, out go the nodes of its documents with their
// positions, or an error that says where the mistake is. A document that would grow without bound when its
// aliases are expanded is refused, and so is a key that stands there twice, as Flux refuses it. An error never
// quotes a value. The package must never read a file. Of the project it may import yamlerror.
package yamldoc
