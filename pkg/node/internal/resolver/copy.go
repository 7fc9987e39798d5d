package resolver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	tomlu "github.com/pelletier/go-toml/v2/unstable"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// hostsCopy is a copy, in a folder of this machine, of what containerd's resolver looks at for one registry: it
// reads real files only, and the node's may be elsewhere.
type hostsCopy struct {
	dir   string
	files nodefs.Files
	names map[string]string // copy -> name on the node
	// the folder that was copied, by its name on the node; empty where there is none
	folder string
	// the first file of certificates that is there, or may be, and can't be read
	unread *UnreadError
	// what stands for each client's certificate and for each key: a file of both, and one for all, so that any two match
	pair []byte
}

// newCopy copies the first of the folders that there is, in the first of the directories that has one, as containerd's
// CRI service would take it: its hosts.toml and the certificates that it needs. Keys are not read: in place of a client's
// certificate stands one made up, and in place of each header a dash. Remove takes the copy away.
func newCopy(ctx context.Context, files nodefs.Files, dirs []*containerd.HostsDir, host string) (*hostsCopy, error) {
	dir, err := os.MkdirTemp("", "spegel-guard-")
	if err != nil {
		return nil, err
	}
	c := &hostsCopy{dir: dir, files: files, names: map[string]string{}}
	for _, folder := range containerd.Folders(dirs, host) {
		to := filepath.Join(dir, path.Base(folder))
		switch err := c.copyDir(ctx, folder, to); {
		case err == nil:
			c.folder, c.names[to] = folder, folder
			return c, nil
		case errors.Is(err, nodefs.ErrNotFolder):
			c.remove()
			return nil, fmt.Errorf("%s %w, where containerd looks for a %s", redact.Path(folder), nodefs.ErrNotFolder, nodefs.HostsToml)
		case !nodefs.IsMissing(err):
			c.remove()
			return nil, &fs.PathError{Op: "read", Path: folder, Err: err}
		}
	}
	return c, nil
}

func (c *hostsCopy) remove() { _ = os.RemoveAll(c.dir) }

func (c *hostsCopy) copyDir(ctx context.Context, from, to string) error {
	entries, err := c.files.ReadDir(ctx, from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	file := path.Join(from, nodefs.HostsToml) // which may be there though it is not listed, where only a part of the node was handed over
	data, err := containerd.ReadTOML(ctx, c.files, file)
	if err == nil {
		err = os.WriteFile(filepath.Join(to, nodefs.HostsToml), c.rewrite(ctx, from, data), 0o600)
	}
	if err != nil && !nodefs.IsMissing(err) {
		return Unread(file, err)
	}
	for _, e := range entries { // certificates, for a folder without a hosts.toml
		if path.Ext(e.Name) != ".crt" || !filepath.IsLocal(e.Name) {
			continue
		}
		if data, err := c.files.ReadFile(ctx, path.Join(from, e.Name), nodefs.MaxFile); err == nil {
			if err := os.WriteFile(filepath.Join(to, e.Name), data, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// rewrite changes nothing of a hosts.toml but where it leads to files and what may be a secret.
func (c *hostsCopy) rewrite(ctx context.Context, dir string, data []byte) []byte {
	type edit struct {
		from, to uint32
		text     string
	}
	var edits []edit
	var walk func(key []string, value *tomlu.Node)
	walk = func(key []string, value *tomlu.Node) {
		switch value.Kind {
		case tomlu.String:
			if text, ok := c.replacement(ctx, dir, key, string(value.Data)); ok {
				edits = append(edits, edit{value.Raw.Offset, value.Raw.Offset + value.Raw.Length, strconv.Quote(text)})
			}
		case tomlu.Array:
			for it := value.Children(); it.Next(); {
				walk(key, it.Node())
			}
		case tomlu.InlineTable:
			for it := value.Children(); it.Next(); {
				walk(slices.Concat(key, keyOf(it.Node())), it.Node().Value())
			}
		default: // a number or a date
		}
	}
	p := tomlu.Parser{}
	p.Reset(data)
	var table []string
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case tomlu.Table, tomlu.ArrayTable:
			table = keyOf(e)
		case tomlu.KeyValue:
			walk(slices.Concat(table, keyOf(e)), e.Value())
		default: // a comment
		}
	}
	out := slices.Clone(data)
	for _, e := range slices.Backward(edits) {
		out = slices.Replace(out, int(e.from), int(e.to), []byte(e.text)...)
	}
	return out
}

// keyOf are the parts of a key, in small letters: containerd takes CA for ca.
func keyOf(n *tomlu.Node) []string {
	var parts []string
	for it := n.Key(); it.Next(); {
		parts = append(parts, strings.ToLower(string(it.Node().Data)))
	}
	return parts
}

// replacement is what stands in the copy for a string. Keys are the registry's own, or below host and a URL.
func (c *hostsCopy) replacement(ctx context.Context, dir string, key []string, value string) (string, bool) {
	if len(key) > 2 && key[0] == "host" {
		key = key[2:]
	}
	switch kind := key[0]; {
	case kind == "header" && len(key) == 2:
		return "-", true
	case (kind == "ca" || kind == "client") && len(key) == 1:
		return c.certificate(ctx, dir, kind, value), true
	}
	return "", false
}

// certificate copies a file of certificates and returns where to. If the node's can't be read, the name
// leads nowhere, and containerd's error is the one that the node has.
func (c *hostsCopy) certificate(ctx context.Context, dir, kind, name string) string {
	on := name
	if !path.IsAbs(on) {
		on = path.Join(dir, name)
	}
	copied := filepath.Join(c.dir, fmt.Sprintf("file-%d", len(c.names)))
	c.names[copied] = on
	data, err := c.files.ReadFile(ctx, on, nodefs.MaxFile)
	if err != nil && !nodefs.IsMissing(err) && c.unread == nil {
		c.unread = Unread(on, err)
	}
	if err == nil && kind == "client" {
		if c.pair == nil {
			c.pair, err = madeUpPair()
		}
		data = c.pair
	}
	if err == nil {
		err = os.WriteFile(copied, data, 0o600)
	}
	if err != nil {
		_ = os.Remove(copied)
	}
	return copied
}

// onNode gives an error's text the names that the files have on the node.
func (c *hostsCopy) onNode(err error) string {
	text := err.Error()
	for copied, name := range c.names {
		text = strings.ReplaceAll(text, copied, name)
	}
	return redact.Line(strings.ReplaceAll(text, c.dir, ""))
}

// madeUpPair is a certificate with its key that no server accepts.
func madeUpPair() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "placeholder"}, NotBefore: now, NotAfter: now.Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}
