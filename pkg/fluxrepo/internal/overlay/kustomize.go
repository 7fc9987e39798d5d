package overlay

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// kustomizing keeps builds apart: kyaml v0.21 reads and writes its global schema without a lock. loaded says that it has
// that of Kubernetes' own kinds.
var (
	kustomizing sync.Mutex
	loaded      bool
)

// maxCopied bounds what the operations of one patch may copy, in bytes: each copy may double an object.
const maxCopied = 64 << 10

// kustomize builds a folder. To read the schema of Kubernetes' own kinds takes more time and memory than most builds, so it
// is read once, and only if any build needs it.
func kustomize(fs *files, dir string) (res resmap.ResMap, err error) {
	kustomizing.Lock()
	defer kustomizing.Unlock()
	jsonpatch.AccumulatedCopySizeLimit = maxCopied
	if fs.of.any(func(f *Folder) bool { return f.ks.OpenAPI != nil || f.ks.Crds != nil }) { // start from a fresh schema, and leave none behind
		loaded = false
		return fluxkustomize.Build(fs, dir)
	}
	if loaded = loaded || fs.of.Full; !loaded {
		openapi.SuppressBuiltInSchemaUse()
		defer openapi.ResetOpenAPI()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("kustomize gave up: %v", p)
		}
	}()
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: kustypes.LoadRestrictionsNone,
		PluginConfig:     kustypes.DisabledPluginConfig(),
	}).Run(fs, dir)
}

// Plain is an error without the mount point, and without what it quotes of manifests.
func Plain(err error) error {
	words := strings.NewReplacer(mount+"/", "", mount, ".", "json: unable to ", "json: cannot ") // a decoder draws lots which it says
	msg := yamldoc.Redact(words.Replace(err.Error()))
	if i := strings.LastIndex(msg, "cycle detected: "); i >= 0 { // the way there repeats itself
		msg = msg[i:]
	}
	return errors.New(misleading.ReplaceAllString(msg, "$1"))
}

// misleading matches what kustomize says of a file that is wrong: at its end, that it is no folder either.
var misleading = regexp.MustCompile(`accumulation err='(.*)': must build at directory: '[^']*': file is not directory`)
