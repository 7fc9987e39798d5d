package substitute

import (
	"regexp"
	"strings"
)

const mark = "unknown-variable-"

// placeholder stands for a variable that is unknown, and for whatever is made of it: a host that no policy names.
func placeholder(name string) string { return mark + name + ".invalid" }

var placeholders = regexp.MustCompile(mark + `([\pL\p{Nd}_]+)\.invalid`)

// Unknown lists the unknown variables that a text holds, each once.
func Unknown(text string) (names []string) {
	seen := map[string]bool{}
	for _, m := range placeholders.FindAllStringSubmatch(text, -1) {
		if name := m[1]; !seen[name] {
			seen[name], names = true, append(names, name)
		}
	}
	return names
}

// Cut is the first unknown variable of a text, what stands before it, and what stands after the last one.
func Cut(text string) (before, name, after string) {
	all := placeholders.FindAllStringSubmatchIndex(text, -1)
	if len(all) == 0 {
		return text, "", ""
	}
	first, last := all[0], all[len(all)-1]
	return text[:first[0]], text[first[2]:first[3]], text[last[1]:]
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
