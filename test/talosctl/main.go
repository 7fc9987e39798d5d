// Command talosctl stands in for talosctl in tests: it answers for the files below the folder $ROOT.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	root := os.Getenv("ROOT")
	if err := talosctl(root, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, strings.ReplaceAll(err.Error(), root, ""))
		os.Exit(1)
	}
}

// talosctl answers for the files below a folder, as talosctl 1.10 prints it.
func talosctl(root string, args []string, out io.Writer) error {
	if len(args) < 4 || args[0] != "--nodes" {
		return fmt.Errorf("unexpected arguments %q", args)
	}
	switch name := filepath.Join(root, args[len(args)-1]); args[2] {
	case "list":
		return talosList(args[1], name, out)
	case "read":
		info, err := os.Stat(name)
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("path must be a regular file")
		}
		if err != nil {
			return fmt.Errorf("error reading file: rpc error: code = Unknown desc = %w", err)
		}
		data, err := os.ReadFile(name)
		if err == nil {
			_, err = out.Write(data)
		}
		return err
	case "logs":
		data, err := os.ReadFile(filepath.Join(root, "var/log/containerd.log"))
		if err == nil {
			_, err = out.Write(data)
		}
		return err
	}
	return fmt.Errorf("unknown command %q", args[2])
}

func talosList(node, name string, out io.Writer) error {
	entries, err := os.ReadDir(name)
	if err != nil {
		return fmt.Errorf("error streaming results: rpc error: code = Unknown desc = %w", err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NODE\tMODE\tUID\tGID\tSIZE(B)\tLASTMOD\tLABEL\tNAME")
	dir, err := os.Stat(name)
	if err != nil {
		return err
	}
	show := func(info os.FileInfo, display string) {
		at := info.ModTime().Local().Format("Jan _2 15:04:05")
		if time.Since(info.ModTime()) > 180*24*time.Hour {
			at = info.ModTime().Local().Format("Jan _2 2006 15:04")
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", node, info.Mode(), 0, 0, info.Size(), at, "system_u:object_r:etc_t:s0", display)
	}
	show(dir, ".")
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		display := e.Name()
		if link, err := os.Readlink(filepath.Join(name, e.Name())); err == nil {
			display += " -> " + cmp.Or(link, "?")
		}
		show(info, display)
	}
	return w.Flush()
}
