package cli_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/test/page"
)

// guides are the pages whose commands are run; docs/ci.md has a test of its own.
var guides = []string{"README.md", "docs/install.md", "docs/platforms.md", "docs/policy.md"}

// elsewhere are the commands that need more than this machine has: what they print is a golden file of another test, or
// nothing is shown. Without either there is a reason.
var elsewhere = map[string]struct{ golden, why string }{
	"spegel-guard audit --private-registry registry.example.ts.net": {golden: "test/e2e/audit/testdata/audit.txt"},
	"kubectl apply -f examples/incident.yaml":                       {golden: "test/e2e/testdata/golden/apply-incident.txt"},
	`sed 's/name: spegel$/name: spegel-guard-test/' examples/incident.yaml | kubectl create --dry-run=server -f -`: {
		why: "TestTheInstallIsCheckedAsDocumented in test/e2e runs it",
	},
	"spegel-guard doctor --talos 10.0.0.11 --private-registry registry.example.ts.net": {why: "a program in place of talosctl is in pkg/node's tests"},
	"make demo": {why: "it needs programs that take minutes to build, and so do the steps of test/e2e, which are the same"},
	"docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=v0.1.0 --build-arg COMMIT=$(git rev-parse HEAD) -t registry.example.com/spegel-guard:v0.1.0 --push .": {
		why: "no docker",
	},
	"kubectl create -f examples/incident.yaml": {why: "TestTheInstallOfTheREADME in test/e2e/readme runs it"},
	"kubectl apply --server-side -f https://github.com/spegel-guard/spegel-guard/releases/download/v0.1.0/install.yaml": {
		why: "no release yet; TestDist makes the file",
	},
	`kubectl apply --server-side -k "https://github.com/spegel-guard/spegel-guard//manifests?ref=v0.1.0"`: {
		why: "no release yet; TestTheManifestsAreTakenFromGit takes them from another place",
	},
	"gcloud compute firewall-rules list --filter 'name~^gke-CLUSTER-.*-master$' --format 'table(name,network,sourceRanges.list(),targetTags.list())'": {
		why: "no such cloud, as the page says",
	},
	"gcloud compute firewall-rules create spegel-guard-CLUSTER --network NETWORK --allow tcp:9443 --source-ranges RANGE --target-tags TAG": {
		why: "no such cloud, as the page says",
	},
}

// TestEveryCommandOfTheGuidesIsRun runs what the pages tell to type. What they show of the answer stands there to the letter,
// with "..." for what is left out.
func TestEveryCommandOfTheGuidesIsRun(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, page := range guides {
		for _, command := range commands(file(t, page)) {
			found[command.line] = true
			t.Run(page+" "+command.line, func(t *testing.T) {
				t.Parallel()
				known, isElsewhere := elsewhere[command.line]
				var got string
				switch {
				case known.golden != "":
					got = strings.ReplaceAll(file(t, known.golden), "test/e2e/testdata/bad.yaml", "examples/incident.yaml")
				case isElsewhere:
					return
				default:
					stdout, stderr, code := shell(t, filepath.Join("..", ".."), command.line)
					if code == cli.ExitFailed {
						t.Fatalf("%s%s", stdout, stderr)
					}
					got = stdout
				}
				if !shows(command.output, got) {
					t.Errorf("the page shows\n%s\nand the answer is\n%s", command.output, got)
				}
			})
		}
	}
	for line := range elsewhere {
		if !found[line] {
			t.Errorf("no page has %q any more", line)
		}
	}
	if len(found) < 10 {
		t.Errorf("only %d commands found", len(found))
	}
}

type command struct{ line, output string }

// commands are the lines after "$ " in the console blocks of a page, with what follows each.
func commands(text string) (all []command) {
	for _, block := range page.Blocks(text, "console") {
		for line := range strings.Lines(block) {
			if typed, ok := strings.CutPrefix(line, "$ "); ok {
				all = append(all, command{line: strings.TrimSpace(typed)})
				continue
			}
			all[len(all)-1].output += line
		}
	}
	return all
}

// shows reports whether an output is what a page shows of it; a page may show nothing.
func shows(shown, output string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(shown)), `\.\.\.`, `.*`)
	return shown == "" || regexp.MustCompile(`(?s)^`+pattern+`$`).MatchString(strings.TrimSpace(output))
}

func TestAPageShowsNothingElse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shown, output string
		want          bool
	}{
		"all of it":          {"a\nb\n", "a\nb\n", true},
		"the begin":          {"a\n...\n", "a\nb\nc\n", true},
		"begin and end":      {"a\n...\nc\n", "a\nb\nc\n", true},
		"less than it is":    {"a\n", "a\nb\n", false},
		"another line":       {"a\n...\nd\n", "a\nb\nc\n", false},
		"no regexp of yours": {"a.\n", "ab\n", false},
	} {
		if got := shows(test.shown, test.output); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// The cures of the README are values of a release, and pass as it says.
func TestTheCuresOfTheREADME(t *testing.T) {
	t.Parallel()
	_, text, _ := strings.Cut(file(t, "README.md"), "There are two cures.")
	blocks := page.Blocks(text, "yaml")
	if len(blocks) == 0 {
		t.Fatal("the README shows no values")
	}
	head, _, _ := strings.Cut(releaseHead, "  values:")
	const private = "spegel:\n  prependExisting: true\n  mirroredRegistries: [https://harbor.example.com]"
	for name, test := range map[string]struct {
		values, rules string
		code          int
	}{
		"off the list":                     {values: blocks[0], code: cli.ExitOK},
		"on the list":                      {values: private, code: cli.ExitDenied},
		"on the list, as the policy wants": {values: private, rules: "rules: {private-registry-mirrored: warn}\n", code: cli.ExitOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := repository(t, head+"  values:\n    "+strings.ReplaceAll(test.values, "\n", "\n    ")+"\n")
			if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(ciPolicy+test.rules), 0o600); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := shell(t, dir, "spegel-guard check --config policy.yaml --require-match")
			if code != test.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, test.code, stdout, stderr)
			}
		})
	}
}

// The page and the example show one policy.
func TestThePolicyOfTheGuide(t *testing.T) {
	t.Parallel()
	shown, err := policy.Parse("docs/policy.md", []byte(page.Blocks(file(t, "docs/policy.md"), "yaml")[0]))
	if err != nil {
		t.Fatal(err)
	}
	example, err := policy.Parse("examples/policy.yaml", []byte(file(t, "examples/policy.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(example, shown) {
		t.Errorf("the example is %+v, the page shows %+v", example, shown)
	}
}
