package release_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions    map[string]string
		TimeoutMinutes int `json:"timeout-minutes"`
		Strategy       struct{ Matrix map[string][]string }
		Steps          []struct {
			Uses string
			Run  string
			With map[string]any
			Env  map[string]string
		}
	}
}

// read reads a file of the project.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	pinned     = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	makeRuns   = regexp.MustCompile(`(?m)(?:^|\s)make ([a-z0-9-]+|\$\{\{ matrix\.(\w+) \}\})`)
	fileNamed  = regexp.MustCompile(`(?m)(?:^|\s)(\.ci/[\w./-]+|\./[\w./-]+)`)
)

func TestWorkflows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yaml"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	targets := map[string]bool{}
	for _, match := range makeTarget.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[match[1]] = true
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			var w workflow
			text, err := os.ReadFile(file)
			if err == nil {
				err = yaml.Unmarshal(text, &w)
			}
			if err != nil {
				t.Fatal(err)
			}
			w.check(t, targets)
		})
	}
}

func (w workflow) check(t *testing.T, targets map[string]bool) {
	t.Helper()
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
		t.Errorf("permissions for all jobs are %v, want contents: read", w.Permissions)
	}
	runs := 0
	for name, job := range w.Jobs {
		if job.TimeoutMinutes == 0 {
			t.Errorf("%s has no timeout", name)
		}
		for _, step := range job.Steps {
			if step.Uses != "" && !pinned.MatchString(step.Uses) {
				t.Errorf("%s: %s is not pinned by a commit", name, step.Uses)
			}
			if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
				t.Errorf("%s: the checkout keeps its token", name)
			}
			if strings.Contains(makeRuns.ReplaceAllString(step.Run, ""), "${{") {
				t.Errorf("%s: an expression in a script can become a command: %s", name, step.Run)
			}
			for _, match := range makeRuns.FindAllStringSubmatch(step.Run, -1) {
				names := []string{match[1]}
				if match[2] != "" {
					names = job.Strategy.Matrix[match[2]]
				}
				for _, target := range names {
					runs++
					if !targets[target] {
						t.Errorf("%s: there is no make %s", name, target)
					}
				}
			}
			for _, match := range fileNamed.FindAllStringSubmatch(step.Run, -1) {
				read(t, match[1])
			}
		}
	}
	if runs == 0 {
		t.Error("nothing is made")
	}
}

// The image is built here by no test, so its recipe is read: what it copies must be there and must not be ignored.
func TestDockerfileCopiesWhatIsThere(t *testing.T) {
	t.Parallel()
	ignored := strings.Split(read(t, ".dockerignore"), "\n")
	if !slices.Contains(ignored, "*") {
		t.Error(".dockerignore does not begin with nothing")
	}
	copies := 0
	for _, match := range regexp.MustCompile(`(?m)^COPY (?:--from=(\w+) )?(.*)$`).FindAllStringSubmatch(read(t, "Dockerfile"), -1) {
		words := strings.Fields(match[2])
		if match[1] != "" {
			continue // out of an earlier stage
		}
		for _, source := range words[:len(words)-1] {
			copies++
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Error(err)
			}
			if !slices.Contains(ignored, "!"+source) {
				t.Errorf(".dockerignore keeps %s out", source)
			}
		}
	}
	if copies == 0 {
		t.Error("nothing is copied")
	}
}

// The toolchain of the image and the one of go.mod move together, and the build is the one that the tests check.
func TestDockerfileBuildsAsTheTestsDo(t *testing.T) {
	t.Parallel()
	dockerfile := read(t, "Dockerfile")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))
	for _, want := range []string{"ARG GO_VERSION=" + version[1] + "\n", "ENV CGO_ENABLED=0\n", "go build -trimpath", "\nUSER 65532:65532\n"} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("the Dockerfile does not say %q", want)
		}
	}
}
