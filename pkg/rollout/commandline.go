package rollout

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Argument is where a list of mirrors stands in a pod.
type Argument struct {
	// Name is the flag or the environment variable: --mirrored-registries, or MIRRORED_REGISTRIES.
	Name string
	// Unread says of entries, by their position, or of all, by Whole, in which object the value is.
	Unread map[int]Reference

	container string // the field of the container
	whole     string // that of the list
	command   int    // how many words of the command line are in the command
	words     []int  // the position of each entry there; inVariable for those of an environment variable
}

// Whole stands for the list in place of the position of an entry.
const Whole = -1

// inVariable is the position of what is in an environment variable.
const inVariable = -1

// Field is the field of an entry, or of the list, below the pod's spec: initContainers[0].args[4].
func (a *Argument) Field(entry int) string {
	if entry == Whole || a.words[entry] == inVariable {
		return a.whole
	}
	return a.word(a.words[entry])
}

func (a *Argument) word(i int) string {
	if i < a.command {
		return fmt.Sprintf("%scommand[%d]", a.container, i+1)
	}
	return fmt.Sprintf("%sargs[%d]", a.container, i-a.command)
}

// commandLine is what a container starts Spegel with. Spegel reads it with github.com/alexflint/go-arg: a flag takes all that follows
// up to the next one, the last flag of a name wins, and an environment variable counts where there is no flag. Where it would not
// start (a word that belongs to no flag, a flag that it does not have), what is read here makes no difference.
type commandLine struct {
	subcommand string // empty where there is none: the container does not run Spegel
	field      string // of the container
	command    int    // how many words are in its command
	words      []string
	unread     map[int]value // words that hold a value that is not read
	maybe      int           // the first of those that may be a flag, of any name and with any value; -1 if there is none
	flags      map[string]flag
	env        *environment
}

type flag struct {
	word   int    // its own position
	inline string // what follows an equals sign
	values []int  // positions
}

func newCommandLine(c *corev1.Container, field string, elsewhere Elsewhere) *commandLine {
	l := &commandLine{field: field, unread: map[int]value{}, maybe: -1, flags: map[string]flag{}}
	if len(c.Command) > 1 { // the first word is the program
		l.command = len(c.Command) - 1
		l.words = append(l.words, c.Command[1:]...)
	}
	l.words = append(l.words, c.Args...)
	// before it may be Spegel's --log-level, or a program that starts Spegel
	start := slices.IndexFunc(l.words, func(word string) bool { return word == configure || word == serve })
	if start < 0 {
		return l
	}
	l.subcommand, l.env = l.words[start], newEnvironment(c, elsewhere)
	for i := start + 1; i < len(l.words); i++ {
		value := l.env.expand(l.words[i])
		l.words[i] = value.text
		if value.unread != nil {
			l.unread[i] = value
		}
		if value.mayBeFlag && l.maybe < 0 && !slices.Contains(oneWord(), strings.TrimLeft(l.words[i-1], "-")) {
			l.maybe = i
		}
	}
	l.parse(start + 1)
	return l
}

// oneWord lists flags that always take the next word as their value.
func oneWord() []string { return []string{hostsDir, router, "log-level"} }

func (l *commandLine) parse(start int) {
	name := ""
	for i := start; i < len(l.words); i++ {
		word := l.words[i]
		switch rest := strings.TrimLeft(word, "-"); {
		case word == "--": // the value of the flag before it, or the end of all flags, which nothing may follow
			name = ""
		case rest != word && rest != "":
			key, value, _ := strings.Cut(rest, "=")
			name = key
			l.flags[name] = flag{word: i, inline: value}
		case name != "":
			f := l.flags[name]
			f.values = append(f.values, i)
			l.flags[name] = f
		}
	}
}

// variable is the environment variable that Spegel reads where a flag is not given.
func variable(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// has reports whether a flag is given, or its environment variable.
func (l *commandLine) has(name string) bool { return l.given(name) || l.declared(name) }

func (l *commandLine) given(name string) bool {
	_, ok := l.flags[name]
	return ok
}

func (l *commandLine) declared(name string) bool { return l.env.has(variable(name)) }

// beforeRename reports whether the flags are those from before v0.1.0. With a flag of another release Spegel does not start, while it
// ignores such an environment variable: so flags decide, and the environment only where there are none.
func (l *commandLine) beforeRename() bool {
	for _, has := range []func(string) bool{l.given, l.declared} {
		switch {
		case has(mirrors) || has(mirrorTargets):
			return false
		case has(oldMirrors) || has(oldTargets):
			return true
		}
	}
	return false
}

// mirrors is the list of mirrors. A word that may be its flag as well is one more entry, which is not known.
func (l *commandLine) mirrors(name string) (values []string, at Argument) {
	values, at = l.entries(name)
	if _, unread := at.Unread[Whole]; !unread && l.maybe >= 0 && !slices.Contains(at.words, l.maybe) {
		at.Unread[len(values)] = *l.unread[l.maybe].unread
		values, at.words = append(values, l.words[l.maybe]), append(at.words, l.maybe)
	}
	return values, at
}

// entries is what a flag, or its environment variable, gives.
func (l *commandLine) entries(name string) (values []string, at Argument) {
	at = Argument{Name: "--" + name, Unread: map[int]Reference{}, container: l.field, command: l.command}
	if at.whole = l.field + "args"; l.command == len(l.words) {
		at.whole = l.field + "command"
	}
	f, given := l.flags[name]
	if !given {
		return l.entriesOfVariable(name, at)
	}
	at.whole = at.word(f.word)
	add := func(value string, word int) {
		if unread, ok := l.unread[word]; ok {
			at.Unread[len(values)] = *unread.unread
		}
		values, at.words = append(values, value), append(at.words, word)
	}
	if f.inline != "" {
		add(f.inline, f.word)
	}
	for _, word := range f.values {
		add(l.words[word], word)
	}
	return values, at
}

func (l *commandLine) entriesOfVariable(name string, at Argument) ([]string, Argument) {
	v := l.env.lookup(variable(name))
	if !v.set {
		return nil, at
	}
	at.Name, at.whole = variable(name), l.field+v.field
	if v.unread != nil {
		at.Unread[Whole] = *v.unread
		return nil, at
	}
	if strings.TrimSpace(v.text) == "" {
		return nil, at
	}
	values, err := csv.NewReader(strings.NewReader(v.text)).Read()
	if err != nil { // Spegel does not start, as with an entry like this
		values = []string{v.text}
	}
	at.words = slices.Repeat([]int{inVariable}, len(values))
	return values, at
}
