package ingle

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/inglehealth/ingle"

// drawing is what the fenced blocks of ARCHITECTURE.md say.
type drawing struct {
	// rooms maps a folder ("" for the repository) to the rooms drawn in it, each
	// with the rooms that it may import.
	rooms map[string]map[string]map[string]bool
	// walls are pairs of folders of which the first never imports the second.
	walls [][2]string
	// quiet are folders whose packages do no I/O, with the imports they must not have.
	quiet map[string][]string
}

func TestTheDrawingInArchitectureMatchesTheImports(t *testing.T) {
	d := readDrawing(t)
	for _, p := range listPackages(t) {
		from := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if from == "" || strings.HasPrefix(from, "internal/") || strings.HasPrefix(from, "tools/") {
			continue
		}
		for _, imp := range p.Imports {
			if to, ok := strings.CutPrefix(imp, module+"/"); ok {
				if err := d.allows(from, to); err != nil {
					t.Errorf("%s imports %s: %v", from, to, err)
				}
				continue
			}
			for folder, banned := range d.quiet {
				if within(from, folder) && slices.Contains(banned, imp) {
					t.Errorf("%s imports %s: %s does no I/O", from, imp, folder)
				}
			}
		}
	}
}

func TestTheEngineReadsNoClock(t *testing.T) {
	err := filepath.WalkDir("engine", func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && (sel.Sel.Name == "Now" || sel.Sel.Name == "Since") {
				t.Errorf("%s: time.%s; the time comes in as a value", fset.Position(sel.Pos()), sel.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryPackageIsInTheDrawing(t *testing.T) {
	d := readDrawing(t)
	for _, p := range listPackages(t) {
		parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/"), "/")
		if parts[0] == "" || parts[0] == "internal" {
			continue
		}
		if d.rooms[""][parts[0]] == nil {
			t.Errorf("floor %q is not drawn", parts[0])
			continue
		}
		inner := d.rooms[parts[0]]
		if len(parts) > 1 && inner != nil && inner[parts[1]] == nil && inner["*"] == nil {
			t.Errorf("room %q is not drawn on floor %q", parts[1], parts[0])
		}
	}
}

// allows says why a package in folder from may not import one in folder to.
func (d drawing) allows(from, to string) error {
	for _, w := range d.walls {
		if within(from, w[0]) && within(to, w[1]) {
			return fmt.Errorf("%s never imports %s", w[0], w[1])
		}
	}
	a, b := strings.Split(from, "/"), strings.Split(to, "/")
	folder := ""
	for i := range min(len(a), len(b)) {
		rooms := d.rooms[folder]
		if a[i] == b[i] {
			folder = strings.TrimPrefix(folder+"/"+a[i], "/")
			continue
		}
		if rooms == nil {
			return nil
		}
		if reach := rooms[a[i]]; reach != nil {
			if reach[b[i]] {
				return nil
			}
		} else if reach := rooms["*"]; reach != nil && reach[b[i]] {
			return nil
		}
		return fmt.Errorf("%q is not below %q in %q", b[i], a[i], folder)
	}
	return nil
}

func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// readDrawing parses the blocks fenced as "floors" (one "folder: a, b > c"
// line each; what stands left may import what stands right), "walls" ("a !> b")
// and "quiet" ("folder: import import").
func readDrawing(t *testing.T) drawing {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	d := drawing{rooms: map[string]map[string]map[string]bool{}, quiet: map[string][]string{}}
	block := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch fence, isFence := strings.CutPrefix(line, "```"); {
		case isFence && block == "":
			block = fence
			if block == "" {
				block = "text"
			}
		case isFence:
			block = ""
		case line == "":
		case block == "floors":
			folder, order, ok := strings.Cut(line, ":")
			if !ok {
				t.Fatalf("floors: %q has no folder", line)
			}
			d.draw(strings.TrimSuffix(strings.TrimSpace(folder), "/"), order)
		case block == "walls":
			a, b, ok := strings.Cut(line, "!>")
			if !ok {
				t.Fatalf("walls: %q has no !>", line)
			}
			d.walls = append(d.walls, [2]string{strings.TrimSpace(a), strings.TrimSpace(b)})
		case block == "quiet":
			folder, imports, _ := strings.Cut(line, ":")
			d.quiet[strings.TrimSpace(folder)] = strings.Fields(imports)
		}
	}
	if len(d.rooms) == 0 || len(d.walls) == 0 || len(d.quiet) == 0 {
		t.Fatal("ARCHITECTURE.md lacks a floors, walls or quiet block")
	}
	return d
}

func (d drawing) draw(folder, order string) {
	if folder == "." {
		folder = ""
	}
	rooms := d.rooms[folder]
	if rooms == nil {
		rooms = map[string]map[string]bool{}
		d.rooms[folder] = rooms
	}
	var above []string
	for level := range strings.SplitSeq(order, ">") {
		var names []string
		for name := range strings.SplitSeq(level, ",") {
			name = strings.TrimSpace(name)
			names = append(names, name)
			if rooms[name] == nil {
				rooms[name] = map[string]bool{}
			}
			for _, a := range above {
				rooms[a][name] = true
			}
		}
		above = append(above, names...)
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// What tests run as the other side of a protocol is no part of the program.
func TestServersThatTestsRunAreNotInTheBinary(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/ingle").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(path, "github.com/nats-io/nats-server/") || strings.HasPrefix(path, "github.com/go-rod/rod") {
			t.Errorf("the binary holds %s", path)
		}
	}
}
