package fluxrepo

import (
	"regexp"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// anEncrypted matches a value that SOPS has encrypted.
var anEncrypted = regexp.MustCompile(`ENC\[AES256_GCM,[^\]]*\]`)

// sopsValue is the name that stands for all encrypted values of an object. No variable of Flux's can
// have it, as none begins with a digit.
const sopsValue = "0_encrypted"

// unseal makes what SOPS has encrypted in a HelmRelease, or its source, a variable without a value: Flux puts in
// something else, or refuses it.
func (s *subject) unseal(text []byte, o *object) []byte {
	if !Encrypted(string(text)) {
		return text
	}
	s.scopes[sopsValue] = &scope{only: map[string]release.Reference{sopsValue: {
		Kind: o.kind, Namespace: o.ns, Name: o.name, Key: "spec", Reason: encrypted,
	}}}
	return anEncrypted.ReplaceAllLiteral(text, []byte(harmless(sopsValue)))
}
