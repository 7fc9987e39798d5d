package rollout

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// maxExpanded is how many bytes variables may add to a container's words: Linux starts no program with more.
const maxExpanded = 2 << 20

// maxFrom is how many objects a container may take all variables from before any variable may be in the last of them. It bounds what
// looking for one costs.
const maxFrom = 100

// Reference is what a value comes from that is not read: the key of a Secret or ConfigMap, or a variable that only a running pod has.
type Reference struct{ Kind, Name, Key string }

// podVariable is the kind of a variable that only a running pod has: the address of its node, say.
const podVariable = "variable"

// environment is what is known of a container's environment variables.
type environment struct {
	variables map[string]envVar
	from      []corev1.EnvFromSource
	elsewhere Elsewhere
	room      int // of maxExpanded
}

type envVar struct {
	value

	set   bool
	field string // below the container
}

// value is a text in which a part may be unread. What is not read stays as it is written.
type value struct {
	text   string
	unread *Reference
	// mayBeFlag says that the part may be a flag, or the name of one.
	mayBeFlag bool
}

func newEnvironment(c *corev1.Container, elsewhere Elsewhere) *environment {
	e := &environment{make(map[string]envVar, len(c.Env)), c.EnvFrom, elsewhere, maxExpanded}
	for i, declared := range c.Env {
		v := envVar{set: true, field: fmt.Sprintf("env[%d]", i)}
		if from := declared.ValueFrom; from == nil {
			v.value = e.expand(declared.Value)
		} else {
			v.value = unread(declared.Name, from)
		}
		e.variables[declared.Name] = v
	}
	return e
}

// unread is the value of a variable that the template does not hold. A field of the pod or its node begins with a hyphen only
// where that is an annotation.
func unread(name string, from *corev1.EnvVarSource) value {
	switch {
	case from.SecretKeyRef != nil:
		return value{unread: &Reference{"Secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key}, mayBeFlag: true}
	case from.ConfigMapKeyRef != nil:
		return value{unread: &Reference{"ConfigMap", from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key}, mayBeFlag: true}
	}
	field := from.FieldRef != nil && !strings.HasPrefix(from.FieldRef.FieldPath, "metadata.annotations")
	return value{unread: &Reference{Kind: podVariable, Name: name}, mayBeFlag: !field && from.ResourceFieldRef == nil}
}

// has reports whether a variable is set for certain.
func (e *environment) has(name string) bool { return e.variables[name].set }

// lookup is what is known of a variable. One that is not declared may be in an object that the container takes all variables from, of
// which the last counts.
func (e *environment) lookup(name string) envVar {
	if v, ok := e.variables[name]; ok {
		return v
	}
	for i := range slices.Backward(e.from) {
		key, ok := strings.CutPrefix(name, e.from[i].Prefix)
		if !ok && len(e.from) <= maxFrom {
			continue
		}
		v := envVar{set: true, field: fmt.Sprintf("envFrom[%d]", i), value: value{mayBeFlag: true}}
		switch from := e.from[i]; {
		case from.SecretRef != nil:
			v.unread = &Reference{"Secret", from.SecretRef.Name, key}
		case from.ConfigMapRef != nil:
			v.unread = &Reference{"ConfigMap", from.ConfigMapRef.Name, key}
		}
		if v.unread != nil {
			return v
		}
	}
	return envVar{}
}

// expand puts variables in as the kubelet does: $(NAME), and $$ for a dollar sign. What is not set, and what there is no room for, stays
// as it is.
func (e *environment) expand(s string) (expanded value) {
	if e.elsewhere != nil {
		if ref, at := e.elsewhere(s); at >= 0 {
			expanded.unread, expanded.mayBeFlag = &ref, mayBeFlag(s[:at])
		}
	}
	if !strings.Contains(s, "$") {
		expanded.text = s
		return expanded
	}
	var b strings.Builder
	closes := strings.LastIndexByte(s, ')')
	for at := 0; at < len(s); {
		switch rest := s[at:]; {
		case strings.HasPrefix(rest, "$$"):
			b.WriteByte('$')
			at += 2
		case strings.HasPrefix(rest, "$(") && at < closes:
			name, _, _ := strings.Cut(rest[2:], ")")
			v := e.lookup(name)
			if v.unread != nil {
				expanded.unread = v.unread
				expanded.mayBeFlag = expanded.mayBeFlag || v.mayBeFlag && mayBeFlag(b.String())
			}
			if v.set && v.unread == nil && len(v.text) <= e.room {
				e.room -= len(v.text)
				b.WriteString(v.text)
			} else {
				b.WriteString("$(" + name + ")")
			}
			at += len("$()") + len(name)
		default:
			b.WriteByte(rest[0])
			at++
		}
	}
	expanded.text = b.String()
	return expanded
}

// mayBeFlag reports whether what follows this in a word may be a flag, or belong to the name of one.
func mayBeFlag(before string) bool {
	return before == "" || before[0] == '-' && !strings.Contains(before, "=")
}
