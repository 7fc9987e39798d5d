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
	room      int // of maxExpanded
}

type envVar struct {
	set    bool
	value  string
	unread *Reference // where the value is, if it is not in the template
	field  string     // below the container
}

func newEnvironment(c *corev1.Container) *environment {
	e := &environment{variables: make(map[string]envVar, len(c.Env)), from: c.EnvFrom, room: maxExpanded}
	for i, declared := range c.Env {
		v := envVar{set: true, field: fmt.Sprintf("env[%d]", i)}
		switch from := declared.ValueFrom; {
		case from == nil:
			v.value, v.unread = e.expand(declared.Value)
		case from.SecretKeyRef != nil:
			v.unread = &Reference{"Secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key}
		case from.ConfigMapKeyRef != nil:
			v.unread = &Reference{"ConfigMap", from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key}
		default:
			v.unread = &Reference{Kind: podVariable, Name: declared.Name}
		}
		e.variables[declared.Name] = v
	}
	return e
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
		v := envVar{set: true, field: fmt.Sprintf("envFrom[%d]", i)}
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
// as it is. What is not read stays too, and that is said.
func (e *environment) expand(s string) (expanded string, unread *Reference) {
	if !strings.Contains(s, "$") {
		return s, nil
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
				unread = v.unread
			}
			if v.set && v.unread == nil && len(v.value) <= e.room {
				e.room -= len(v.value)
				b.WriteString(v.value)
			} else {
				b.WriteString("$(" + name + ")")
			}
			at += len("$()") + len(name)
		default:
			b.WriteByte(rest[0])
			at++
		}
	}
	return b.String(), unread
}
