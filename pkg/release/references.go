package release

import (
	"cmp"
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
// and a few bytes can stand for a lot of memory. What is beyond a limit counts as unread.
const (
	// maxReferences bounds the references that a review reads.
	maxReferences = 100
	// maxSize bounds what is read and merged, in bytes. Helm keeps a release with its values in an object of 1 MiB.
	maxSize = 1 << 20
	// nodeSize is what a key or an entry counts at least: two bytes are enough for one, and each is copied and written again
	// several times. Values that people write have one in ten bytes or more.
	nodeSize = 16
)

// references reads what spec.valuesFrom names, each object once, as far as the limits go.
type references struct {
	reader    Reader
	namespace string
	create    bool
	objects   map[objectName]object
	left      int // of maxSize
}

type objectName struct{ kind, name string }

// object is what was read of a ConfigMap or a Secret.
type object struct {
	data map[string]string
	size int // in bytes
	err  error
}

// read has an entry hold its text, or says why there is none; where it is optional and missing for good there is nothing to say.
func (r *references) read(ctx context.Context, l *layer) (unread string) {
	if r.left < 0 || l.origin.Index >= maxReferences {
		return "not read, because there is too much besides it"
	}
	id := objectName{l.ref.Kind, l.ref.Name}
	obj, again := r.objects[id]
	if !again {
		obj = r.object(ctx, id)
		r.objects[id] = obj
	}
	unread = obj.text(l, r.create)
	cost := l.size()
	if cost > r.left {
		l.found, unread = false, "is too large"
	}
	if !again {
		cost = max(cost, obj.size)
	}
	r.left -= cost
	return unread
}

func (r *references) object(ctx context.Context, id objectName) (obj object) {
	key := client.ObjectKey{Namespace: r.namespace, Name: id.name}
	switch id.kind {
	case "ConfigMap":
		var cm corev1.ConfigMap
		obj.err = get(ctx, r.reader, key, &cm)
		obj.data = cm.Data
	case "Secret":
		var secret corev1.Secret
		obj.err = get(ctx, r.reader, key, &secret)
		obj.data = make(map[string]string, len(secret.Data))
		for k, v := range secret.Data {
			obj.data[k] = string(v)
		}
	default:
		obj.err = &Unreadable{Reason: "a kind that Flux does not read values from"}
	}
	for _, value := range obj.data {
		obj.size += len(value)
	}
	return obj
}

// get reads an object. Nobody reads any without a reader.
func get(ctx context.Context, r Reader, key client.ObjectKey, obj client.Object) error {
	if r == nil {
		return &Unreadable{Reason: "not read"}
	}
	return r.Get(ctx, key, obj)
}

// text is what the object holds for an entry, or why that is not known.
func (obj object) text(l *layer, create bool) (unread string) {
	key, err := l.ref.GetValuesKey(), obj.err
	if some, ok := errors.AsType[*Unreadable](err); ok && some.Keys != nil && some.Keys[key] == "" {
		err = nil
	}
	text, found := obj.data[key]
	missing := apierrors.IsNotFound(err) || err == nil && !found
	switch {
	case missing && l.ref.Optional && !create:
		return ""
	case err != nil:
		return reason(err, key)
	case missing:
		return "has no such key"
	}
	l.text, l.found = text, true
	return ""
}

// Reason says in words why something could not be read.
func Reason(err error) string { return reason(err, "") }

// reason is Reason for a key of an object.
func reason(err error, key string) string {
	unreadable, ok := errors.AsType[*Unreadable](err)
	switch {
	case ok:
		return cmp.Or(unreadable.Keys[key], unreadable.Reason)
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
		count = nodes(set)
		for _, position := range positions.FindAllString(set, -1) {
			count += 1000
			if len(position) > len("[999") {
				count += maxSize
			}
		}
	}
	return max(len(l.text), nodeSize*count)
}

// nodes is how many keys and entries a text in YAML or JSON has at most: each begins a line, or follows one of these.
func nodes(text string) (n int) {
	for _, sign := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029", ",", "[", "{", "- ", "-\t"} {
		n += strings.Count(text, sign)
	}
	return n
}

// positions are what helm --set reads as a place in a list, up to 65536, each time making all elements below it. It skips a
// backslash.
var positions = regexp.MustCompile(`\[[0-9+\\]+`)
