// Package policy reads the policy file: which registries are private, how severe each rule is, which
// charts are taken for Spegel's.
//
// A file is read strictly and as a whole: every mistake in it is reported with file, line and field,
// and a file with a mistake is never used in part. Of the project it may import pkg/validate and
// pkg/yamlerror.
package policy
