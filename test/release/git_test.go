package release_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestTheManifestsAreTakenFromGit has kustomize fetch them by the kind of URL that docs/install.md shows, as kubectl does, out of a
// repository on disk: the default install, and base with a component.
func TestTheManifestsAreTakenFromGit(t *testing.T) {
	t.Parallel()
	repository := t.TempDir()
	script := `cp -R "$MANIFESTS" "$REPOSITORY/manifests" && cd "$REPOSITORY" && git init -q . && git add -A &&
		git -c user.name=t -c user.email=t@example.com -c commit.gpgsign=false commit -qm t && git tag v0.1.0`
	manifests, err := filepath.Abs(filepath.Join(root, "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", script)
	cmd.Env = append(os.Environ(), "MANIFESTS="+manifests, "REPOSITORY="+repository)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	upstream := "file://" + repository + "//manifests"
	for name, kustomization := range map[string]string{
		"the default install":  "resources: [\"" + upstream + "?ref=v0.1.0\"]\n",
		"base and a component": "resources: [\"" + upstream + "/base?ref=v0.1.0\"]\ncomponents: [\"" + upstream + "/components/cert-manager?ref=v0.1.0\"]\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
			t.Fatal(err)
		}
		objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if objects.Size() < 14 {
			t.Errorf("%s: %d objects", name, objects.Size())
		}
	}
}
