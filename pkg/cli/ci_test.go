package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/test/page"
)

const (
	releaseHead = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: spegel, namespace: kube-system}\n" +
		"spec:\n  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}\n  values:\n    spegel:\n"
	goodRelease = releaseHead + "      mirroredRegistries: [https://docker.io]\n"
	badRelease  = releaseHead + "      registries: [https://docker.io]\n"
	// apps takes variables out of the Secret that docs/ci.md decrypts.
	apps = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n" +
		"spec:\n  path: ./kubernetes/apps\n  sourceRef: {kind: GitRepository, name: flux-system}\n" +
		"  postBuild: {substituteFrom: [{kind: Secret, name: cluster-secrets}]}\n"
	ciPolicy = "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries: [harbor.example.com]\n"
)

// repository is a small one. Programs that docs/ci.md names beside ours are played by scripts in bin.
func repository(t *testing.T, release string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{
		"kubernetes/apps/spegel/release.yaml": release,
		"policy.yaml":                         ciPolicy,
		"bin/kustomize":                       "#!/bin/sh\n[ \"$1\" = build ] || exit 1\n[ \"$3\" = --enable-helm ] && cat bin/rendered || cat \"$2/release.yaml\"\n",
		"bin/helm":                            "#!/bin/sh\n[ \"$1\" = template ] && cat bin/rendered\n",
		"bin/helmfile":                        "#!/bin/sh\n[ \"$2\" = template ] && cat bin/rendered\n",
		"bin/rendered":                        file(t, "pkg/cli/testdata/rendered.yaml"),
		"bin/sops":                            "#!/bin/sh\n[ \"$1\" = -d ] && printf 'apiVersion: v1\\nkind: Secret\\nmetadata: {name: cluster-secrets, namespace: flux-system}\\nstringData: {REGISTRY: docker.io}\\n'\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shell runs a script as CI does, in a repository and with this program on its path.
func shell(t *testing.T, dir, script string, env ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-eo", "pipefail", "-c", script)
	var out, diagnostics bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &diagnostics
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "RUNNER_TEMP="+t.TempDir())
	cmd.Env = append(cmd.Env, env...)
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), diagnostics.String(), cmd.ProcessState.ExitCode()
}

// file reads a file of the project.
func file(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(file(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// TestEveryCommandOfTheGuideWorks runs each shell block of docs/ci.md.
func TestEveryCommandOfTheGuideWorks(t *testing.T) {
	t.Parallel()
	blocks := page.Blocks(file(t, "docs/ci.md"), "sh")
	if len(blocks) < 5 {
		t.Fatalf("%d shell blocks found", len(blocks))
	}
	for _, script := range blocks {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			release := goodRelease
			if strings.Contains(script, "--var") {
				release = strings.ReplaceAll(release, "https://docker.io", `"https://${REGISTRY}"`)
			}
			dir := repository(t, release)
			if err := os.WriteFile(filepath.Join(dir, "kubernetes", "apps.yaml"), []byte(apps), 0o600); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := shell(t, dir, script)
			if code != 0 || stderr != "" {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			if strings.Contains(script, "spegel-guard check") && !strings.Contains(stdout, "1 passed") {
				t.Errorf("checked nothing\n%s", stdout)
			}
		})
	}
}

// TestAction runs the last step of action.yml with its inputs as GitHub hands them over.
func TestAction(t *testing.T) {
	t.Parallel()
	var action struct {
		Inputs map[string]struct{ Default *string }
		Runs   struct {
			Steps []struct {
				Run string
				Env map[string]string
			}
		}
	}
	decode(t, "action.yml", &action)
	step := action.Runs.Steps[len(action.Runs.Steps)-1]

	for name, c := range map[string]struct {
		release string
		inputs  map[string]string
		code    int
		stdout  []string
		stderr  string
		exists  string
	}{
		"a good release passes": {release: goodRelease, stdout: []string{"1 passed"}},
		"a bad one fails, with annotations behind the report": {
			release: badRelease, inputs: map[string]string{"config": "policy.yaml"}, code: 1,
			stdout: []string{"1 denied", "\n::error file=kubernetes/apps/spegel/release.yaml,line="},
		},
		"private registries and paths are lists": {
			release: strings.ReplaceAll(goodRelease, "docker.io", "a.example.com"), code: 1,
			inputs: map[string]string{"private-registries": "b.example.com\na.example.com\n", "path": "policy.yaml\nkubernetes/apps\n"},
			stdout: []string{"private-registry-mirrored"},
		},
		"a report for code scanning": {release: badRelease, inputs: map[string]string{"sarif": "out.sarif"}, code: 1, exists: "out.sarif"},
		"a release is required":      {inputs: map[string]string{"require-match": "true"}, code: 2, stderr: "--require-match"},
		"an input is no command":     {release: goodRelease, inputs: map[string]string{"config": "$(touch owned)"}, code: 2, stderr: "$(touch owned)"},
		"a path is no flag":          {release: goodRelease, inputs: map[string]string{"path": "--help"}, code: 2, stderr: "--help"},
		"a bad value of an input":    {release: goodRelease, inputs: map[string]string{"unresolved": "maybe"}, code: 2, stderr: "want warn or deny"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var env []string
			for variable, from := range step.Env {
				input := strings.TrimSuffix(strings.TrimPrefix(from, "${{ inputs."), " }}")
				declared, ok := action.Inputs[input]
				if !ok || declared.Default == nil {
					t.Fatalf("%s: %s is no input with a default", variable, from)
				}
				value := *declared.Default
				if v, ok := c.inputs[input]; ok {
					value = v
				}
				env = append(env, variable+"="+value)
			}
			dir := repository(t, c.release)
			stdout, stderr, code := shell(t, dir, step.Run, env...)
			if code != c.code || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit code %d; want %d\n%s%s", code, c.code, stdout, stderr)
			}
			for _, want := range c.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("no %q in\n%s", want, stdout)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, c.exists)); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "owned")); err == nil {
				t.Error("the input was run")
			}
		})
	}
}

// TestPreCommitHook runs the hook with the arguments that docs/ci.md gives it.
func TestPreCommitHook(t *testing.T) {
	t.Parallel()
	var hooks []struct {
		Entry         string
		Language      string
		PassFilenames *bool `json:"pass_filenames"`
	}
	decode(t, ".pre-commit-hooks.yaml", &hooks)
	hook := hooks[0]
	if hook.Language != "golang" || hook.PassFilenames == nil || *hook.PassFilenames {
		t.Errorf("hook is %+v", hook)
	}
	const installed = `webhook() { spegel-guard "$@"; }; ` // "go install" goes by the folder
	for release, want := range map[string]int{goodRelease: 0, badRelease: 1} {
		if stdout, stderr, code := shell(t, repository(t, release), installed+hook.Entry+" --private-registry harbor.example.com"); code != want {
			t.Errorf("exit code %d; want %d\n%s%s", code, want, stdout, stderr)
		}
	}
}

// TestGitLabJob runs the script of the example, but not the download before it.
func TestGitLabJob(t *testing.T) {
	t.Parallel()
	var pipeline map[string]struct {
		Script    []string
		Artifacts struct{ Reports struct{ JUnit string } }
	}
	decode(t, "examples/ci/gitlab-ci.yml", &pipeline)
	job := pipeline["spegel-guard"]
	for release, want := range map[string]int{goodRelease: 0, badRelease: 1} {
		dir := repository(t, release)
		if stdout, stderr, code := shell(t, dir, strings.Join(job.Script, "\n")); code != want {
			t.Errorf("exit code %d; want %d\n%s%s", code, want, stdout, stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, job.Artifacts.Reports.JUnit)); err != nil {
			t.Error(err)
		}
	}
}

// TestTheWorkflowOfTheGuideNamesInputsThatExist reads the YAML blocks of docs/ci.md.
func TestTheWorkflowOfTheGuideNamesInputsThatExist(t *testing.T) {
	t.Parallel()
	var action struct{ Inputs map[string]any }
	decode(t, "action.yml", &action)
	uses := 0
	for _, block := range page.Blocks(file(t, "docs/ci.md"), "yaml") {
		var workflow struct {
			Jobs map[string]struct {
				Steps []struct {
					Uses string
					With map[string]string
				}
			}
		}
		if !strings.Contains(block, "jobs:") {
			continue
		}
		if err := yaml.Unmarshal([]byte(block), &workflow); err != nil {
			t.Fatal(err)
		}
		for _, job := range workflow.Jobs {
			for _, step := range job.Steps {
				if !strings.HasPrefix(step.Uses, "spegel-guard/spegel-guard@") {
					continue
				}
				uses++
				for input := range step.With {
					if _, ok := action.Inputs[input]; !ok {
						t.Errorf("action.yml has no input %s", input)
					}
				}
			}
		}
	}
	if uses == 0 {
		t.Error("the action is not used")
	}
}
