package release

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What one review may cost. A HelmRelease can name any number of objects, some of them over and over,
// and a few bytes can stand for a lot of memory. What is beyond it counts as unread.
const (
	// maxSize bounds what is read and merged, in bytes. Helm keeps a release with its values in an object of 1 MiB.
	maxSize = 1 << 20
	// referenceSize is what a reference counts at least, so that a hundred are read.
	referenceSize = maxSize/100 + 1
	// nodeSize is what a key or an entry counts at least: two bytes are enough for one, and each is copied and written again
	// several times. Values that people write have one in ten bytes or more.
	nodeSize = 16
)

// references reads what spec.valuesFrom names, each object once, as far as the limits go.
type references struct {
	reader  Reader
	create  bool
	objects map[Reference]object
	left    int // of maxSize
}

// object is what was read of a ConfigMap or a Secret, and why no more.
type object struct {
	data map[string]string
	err  error
}

// read has an entry hold its text, or says why it is not known; neither where the entry is optional and missing for good.
func (r *references) read(ctx context.Context, l *layer) (found bool, unread string) {
	id := Reference{Kind: l.origin.Kind, Namespace: l.origin.Namespace, Name: l.origin.Name}
	obj, again := r.objects[id]
	all := 0
	if !again {
		obj = r.object(ctx, id)
		r.objects[id] = obj
		for _, value := range obj.data {
			all += len(value)
		}
	}
	l.text, found = obj.data[l.origin.Key]
	cost := l.size()
	fits := cost <= r.left
	r.left -= max(cost, all, referenceSize)
	missing := obj.err == nil || apierrors.IsNotFound(obj.err)
	switch {
	case !fits:
		return false, tooLarge
	case found || missing && l.ref.Optional && !r.create:
		return found, ""
	case obj.err == nil:
		return false, "has no such key"
	}
	return false, Reason(obj.err)
}

func (r *references) object(ctx context.Context, id Reference) (obj object) {
	key := client.ObjectKey{Namespace: id.Namespace, Name: id.Name}
	switch id.Kind {
	case "ConfigMap":
		var cm corev1.ConfigMap
		obj.err = r.reader.Get(ctx, key, &cm)
		obj.data = cm.Data
	case "Secret":
		var secret corev1.Secret
		obj.err = r.reader.Get(ctx, key, &secret)
		obj.data = make(map[string]string, len(secret.Data))
		for k, v := range secret.Data {
			obj.data[k] = string(v)
		}
	default:
		obj.err = &Unreadable{Reason: "a kind that Flux does not read values from"}
	}
	return obj
}

// Reason says in words why something could not be read.
func Reason(err error) string {
	unreadable, ok := errors.AsType[*Unreadable](err)
	switch {
	case ok:
		return unreadable.Reason
	case apierrors.IsNotFound(err):
		return "not found"
	case apierrors.IsForbidden(err):
		return "not permitted to read"
	case errors.Is(err, context.DeadlineExceeded) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err):
		return "not read in time"
	case errors.As(err, new(*http.MaxBytesError)):
		return "too large to read"
	}
	return "could not be read"
}

// size is what merging what an entry holds costs.
func (l *layer) size() int {
	count := nodes(l.text)
	if set := l.ref.TargetPath; set != "" { // what helm --set reads
		if !l.ref.Literal {
			set += "," + l.text
		}
		count = nodes(set) + 1000*strings.Count(set, "[")
		if farPosition.MatchString(set) {
			count += maxSize
		}
	}
	cost := max(len(l.text), nodeSize*count)
	if l.ref.TargetPath == "" && cost <= maxSize {
		whole, _ := expanded(l.text) // what can't be parsed is not read
		cost = max(cost, whole)
	}
	return cost
}

// nodes is how many keys and entries a text in YAML or JSON has at most: each begins a line, or follows one of these.
func nodes(text string) (n int) {
	for _, sign := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029", ",", "[", "{", "- ", "-\t"} {
		n += strings.Count(text, sign)
	}
	return n
}

// farPosition matches a place in a list from 1000 on. helm --set makes all elements below one, up to 65536, skips a backslash
// and takes a sign.
var farPosition = regexp.MustCompile(`\[[0-9+\\]{4}`)
