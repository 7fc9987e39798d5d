package substitute

import (
	"regexp"
	"slices"
	"strings"
)

const mark = "unknown-variable-"

// placeholder stands for a variable that is unknown, and for whatever is made of it: a host that no policy names.
func placeholder(name string) string { return mark + name + ".invalid" }

var placeholders = regexp.MustCompile(mark + `(\w+)\.invalid`)

// Unknown lists the unknown variables that a text holds, each once.
func Unknown(text string) (names []string) {
	for _, m := range placeholders.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// First is the first unknown variable of a text, and its position, which is -1 if there is none.
func First(text string) (name string, at int) {
	if m := placeholders.FindStringSubmatchIndex(text); m != nil {
		return text[m[2]:m[3]], m[0]
	}
	return "", -1
}

// Written writes variables back, where a text is shown.
func Written(text string) string { return placeholders.ReplaceAllString(text, "$${$1}") }

// Encrypted reports whether a text holds a value, or a comment, that SOPS has encrypted.
func Encrypted(text string) bool { return strings.Contains(text, "ENC[AES256_GCM,") }

var encryptedValue = regexp.MustCompile(`ENC\[AES256_GCM,[^\]]*\]`)

// Sealed is the name of the unknown variable that stands for all encrypted values of a text. No variable of Flux can
// have it, as none begins with a digit.
const Sealed = "0_encrypted"

// SealedReason is why such a value is not known.
const SealedReason = "encrypted with SOPS"

// Seal makes what SOPS has encrypted unknown: Flux puts in something else, or refuses it.
func Seal(text []byte) []byte {
	return encryptedValue.ReplaceAllLiteral(text, []byte(placeholder(Sealed)))
}

// AfterUnknown is what stands after the last unknown variable in a text.
func AfterUnknown(text string) string {
	all := placeholders.FindAllStringIndex(text, -1)
	if len(all) == 0 {
		return text
	}
	return text[all[len(all)-1][1]:]
}
