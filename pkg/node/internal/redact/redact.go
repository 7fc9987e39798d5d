// Package redact makes foreign text fit to be shown: without what may be a credential, printable, on one line, and short.
// It knows nothing of where a text is from, and imports no other package of pkg/node.
package redact

import (
	"regexp"
	"strings"

	"github.com/distribution/reference"
)

// hideTokens replaces what may be a credential in free text:
//
//   - what has the form of a known kind of token;
//   - of a URL, all but scheme, host and path, and all of one that Go can't parse, with what it repeats of it;
//   - what looks random: long, with small letters, capitals and digits in turns, and no digest, host or image;
//   - all that follows a name such as password or token: where a value ends is not known, as a header may hold several words.
func hideTokens(s string) string {
	s = unparsed.ReplaceAllString(s, "parse ***")
	s = knownForm.ReplaceAllString(s, "***")
	s = anyWord.ReplaceAllStringFunc(s, hideInWord)
	for _, at := range secretName.FindAllStringIndex(s, -1) {
		if at[1] < len(s) && !isProse(s, at[0], at[1]) {
			return s[:at[1]] + "***"
		}
	}
	return s
}

var (
	// To the last quote: a password may hold some, and the reason may repeat a part of it.
	unparsed = regexp.MustCompile(`(?s)\bparse \\*"(.*"|.*)`)
	anyWord  = regexp.MustCompile(`[^\s"']+`)
	// Of JSON web tokens, GitHub, GitLab, Docker, npm, AWS, Slack, Google and Vault; and a UUID, as Docker's once were.
	knownForm = regexp.MustCompile(`\b(eyJ[\w-]{6,}|gh[a-z]_|github_pat_|glpat-|dckr_[a-z]+_|npm_|(AKIA|ASIA)[A-Z0-9]{8}|xox[a-z]-|ya29\.|hvs\.|` +
		`[[:xdigit:]]{8}(-[[:xdigit:]]{4}){3}-[[:xdigit:]]{12})[\w.~+/=-]*`)
	// A scheme with its value, and a name as of a header or of key=value.
	secretName = regexp.MustCompile(`(?i)\b(bearer|basic)(\s+token)?\b\\*["']?[\s:=]+|` +
		`[\w-]*(authorization|auth|token|passw(or)?d|passphrase|pass|pwd?|secret|([_-]|api|access|private|account)key|cookie|cred(ential)?s?|` +
		`signature|sig|session|sid|jwt)\\*["']?\s*[:=]\s*`)

	digestEnd = regexp.MustCompile(`@sha(256|384|512):[0-9a-f]{32,}.*`)
	// Harbor's accounts, which often stand before their secret.
	robot = regexp.MustCompile(`robot(\$|%24).*`)
	query = regexp.MustCompile(`\?.*[^:]`)
)

// hideInWord replaces what may be a credential by what a word is, whatever stands before it.
func hideInWord(word string) string {
	if isImage(word) {
		return word
	}
	digest := digestEnd.FindString(word)
	word = strings.TrimSuffix(word, digest)
	if at := strings.LastIndexByte(word, '@'); at >= 0 { // the last one: a password may hold / and @
		scheme, _, ok := strings.Cut(word[:at], "://")
		if ok {
			scheme += "://"
		} else {
			scheme = ""
		}
		word = scheme + "***" + word[at:]
	}
	word = robot.ReplaceAllString(word, "robot$$***")
	word = query.ReplaceAllString(word, "?***")
	for _, run := range []*regexp.Regexp{pathRun, wordRun, letterRun} {
		word = run.ReplaceAllStringFunc(word, hideRandom)
	}
	return word + digest
}

// isImage reports whether a word is the whole name of an image, punctuation around it aside.
func isImage(word string) bool {
	_, err := reference.ParseNamed(strings.Trim(word, `\.,:;()[]{}<>`))
	return err == nil
}

// What may be random, and the digests and host names in between, which are to be left as they are. Base64 may hold a slash, and
// so does a path, so each is looked at with and without.
var (
	pathRun   = regexp.MustCompile(plainRun + `|[\w+/=~-]{16,}`)
	wordRun   = regexp.MustCompile(plainRun + `|[\w+=~-]{16,}`)
	letterRun = regexp.MustCompile(plainRun + `|[[:alnum:]]{20,}`)
)

const plainRun = `sha(?:256|384|512)[:/](?:[0-9a-f]{2}/)?[0-9a-f]{32,}|(?:[a-z0-9-]+\.)+[a-z]{2,}\b`

// hideRandom replaces a run if it looks random. A name that a person gives seldom goes from small letters to capitals or
// digits and back; a random one does so at every second letter, or, of small letters or capitals alone, less often.
func hideRandom(run string) string {
	if strings.ContainsAny(run, ":.") || strings.HasPrefix(run, "sha") && strings.Contains(run, "/") { // a digest or a host
		return run
	}
	mixed := strings.ToUpper(run) != run && strings.ToLower(run) != run
	bare := punctuation.ReplaceAllString(run, "")
	changes := len(ofOneKind.FindAllString(bare, -1)) - 1
	switch {
	case !strings.ContainsAny(run, "0123456789"):
	case mixed && 3*changes >= len(run), !mixed && bare == run && len(run) >= 20 && 6*changes >= len(run):
		return "***"
	}
	return run
}

var (
	punctuation = regexp.MustCompile(`[^a-zA-Z0-9]+`)
	ofOneKind   = regexp.MustCompile(`[a-z]+|[A-Z]+|\d+`)
)

// isProse reports whether a name of a secret, with what ends it, is none: it is a part of an image or a URL, or of a sentence of
// containerd's.
func isProse(s string, from, to int) bool {
	begin := strings.LastIndexAny(s[:from], " \t\r\n\"'") + 1
	word := strings.TrimRight(anyWord.FindString(s[begin:]), `\:`)
	name := strings.ToLower(strings.TrimRight(s[:to], "\\\"': \t\r\n="))
	return isImage(word) ||
		strings.Contains(word, "://") && begin+len(word) == len(name) || // its path ends with the name
		strings.HasSuffix(name, "basic") && (s[to:] == "auth" || strings.HasPrefix(s[to:], "auth credentials")) ||
		strings.HasSuffix(name, "fetch oauth token") || strings.HasSuffix(name, "fetch anonymous token") || strings.HasSuffix(name, "require authorization")
}
