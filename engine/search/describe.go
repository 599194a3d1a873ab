package search

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Node is an Expr in words, for people who ask what a search does.
type Node struct {
	Text  string
	Parts []Node
}

// Describe puts x into words; nil is "every resource".
func Describe(x Expr) Node {
	switch x := x.(type) {
	case nil:
		return Node{Text: "every resource"}
	case And:
		return group("all of", "every resource", x)
	case Or:
		return group("any of", "no resource", x)
	case Not:
		return Node{Text: "not", Parts: []Node{Describe(x.X)}}
	case TypeIs:
		return Node{Text: "type is " + strings.Join(x, " or ")}
	case IDs:
		return Node{Text: "id is " + quoted(x)}
	case LastUpdated:
		return Node{Text: "last updated " + against(x.Prefix, describeTimes(x.Range))}
	case Missing:
		if x.Want {
			return Node{Text: x.Param.Name() + " has no value"}
		}
		return Node{Text: x.Param.Name() + " has a value"}
	case Composite:
		n := Node{Text: x.Param.Name() + ": one value with"}
		for _, p := range x.Parts {
			n.Parts = append(n.Parts, Describe(p))
		}
		return n
	case Chain:
		target := x.Target
		if target == "" {
			target = "resource"
		}
		return Node{Text: x.Param.Name() + " refers to a " + target + " with", Parts: []Node{Describe(x.X)}}
	case Has:
		return Node{Text: "a " + x.Source + " refers here by " + x.Param.Name() + ", with", Parts: []Node{Describe(x.X)}}
	case Referred:
		return Node{Text: "a resource refers here, with", Parts: []Node{Describe(x.X)}}
	case Beside:
		return Node{Text: "something that it tells about, or a resource that refers here, is one with", Parts: []Node{Describe(x.X)}}
	case Standing:
		return Describe(x.X)
	case Governed:
		if x.Lacking {
			return Node{Text: "no consent of one of its patients is about this"}
		}
		return Node{Text: "a consent of its patient is about this"}
	}
	return Node{Text: describeValue(x)}
}

func group[T And | Or](name, empty string, parts T) Node {
	switch len(parts) {
	case 0:
		return Node{Text: empty}
	case 1:
		return Describe(parts[0])
	}
	n := Node{Text: name}
	for _, p := range parts {
		n.Parts = append(n.Parts, Describe(p))
	}
	return n
}

// describeValue puts the comparison of one value into words.
func describeValue(x Expr) string {
	switch x := x.(type) {
	case Token:
		return x.Param.Name() + " is " + x.text()
	case String:
		how := map[StringMode]string{StringStarts: "begins with", StringContains: "contains", StringExact: "is exactly", StringWords: "has the words"}[x.Mode]
		return fmt.Sprintf("%s %s %q", x.Param.Name(), how, x.Value)
	case Date:
		return x.Param.Name() + " " + against(x.Prefix, describeTimes(x.Range))
	case Number:
		return x.Param.Name() + " " + against(x.Prefix, describeNumbers(x.Range))
	case Quantity:
		return x.Param.Name() + " " + against(x.Prefix, describeNumbers(x.Range)) + x.unit()
	case URI:
		return fmt.Sprintf("%s is %q", x.Param.Name(), x.Value)
	case Reference:
		return x.Param.Name() + " refers to " + x.text()
	}
	return fmt.Sprintf("%T%+v", x, x)
}

// Name is "Observation.code", or "code" of a parameter of every type; of a part
// of a composite it is its kind.
func (p Param) Name() string {
	switch {
	case p.Code == "":
		return string(p.Kind)
	case p.Type == "" || p.Type == System:
		return p.Code
	}
	return p.Type + "." + p.Code
}

func (x Token) text() string {
	code := strconv.Quote(x.Code)
	switch {
	case x.AnySystem:
		return code + " of any system"
	case x.AnyCode:
		return "any code of " + strconv.Quote(x.System)
	case x.System == "":
		return code + " without a system"
	}
	return code + " of " + strconv.Quote(x.System)
}

func (x Reference) text() string {
	text := x.URL
	if text == "" {
		text = strings.TrimPrefix(x.Type+"/"+x.ID, "/")
	}
	if x.Version != "" {
		text += " in version " + x.Version
	}
	return strconv.Quote(text)
}

func (x Quantity) unit() string {
	text := " " + x.Unit
	switch {
	case x.Unit == "":
		text = ", any unit"
	case !x.AnySystem:
		text += " of " + strconv.Quote(x.System)
	}
	if x.Canonical != nil {
		text += ", or the same in " + x.Canonical.Unit
	}
	return text
}

var comparisons = map[Prefix]string{
	EQ: "is within", NE: "is not within", GT: "reaches above", LT: "reaches below", GE: "is or reaches above",
	LE: "is or reaches below", SA: "starts after", EB: "ends before", AP: "overlaps",
}

func against(p Prefix, value string) string { return comparisons[p] + " " + value }

// describeTimes is "[from, to)" in UTC.
func describeTimes(r TimeRange) string { return "[" + instant(r.Lo) + ", " + instant(r.Hi) + ")" }

func instant(micros int64) string {
	switch {
	case micros <= MinTime:
		return "ever"
	case micros >= MaxTime:
		return "for ever"
	}
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
}

// describeNumbers is "5.4 (5.35 to 5.45)".
func describeNumbers(r NumberRange) string { return fmt.Sprintf("%v (%v to %v)", r.Value, r.Lo, r.Hi) }

func quoted(texts []string) string {
	parts := make([]string, len(texts))
	for i, s := range texts {
		parts[i] = strconv.Quote(s)
	}
	return strings.Join(parts, " or ")
}

// DescribeSort puts an order into words.
func DescribeSort(keys []SortKey) string {
	if len(keys) == 0 {
		return "by first creation"
	}
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k.Param.Name()
		if k.Desc {
			parts[i] += " descending"
		}
	}
	return "by " + strings.Join(parts, ", then ")
}

// Describe is the inclusion as it is asked for: "_include=Observation:subject".
func (i Include) Describe() string {
	name, text := "_include", i.Source+":"+i.Param.Code
	if i.Source == "" {
		text = i.Param.Code
	}
	if i.Reverse {
		name = "_revinclude"
	}
	if i.Iterate {
		name += ":iterate"
	}
	if i.Target != "" {
		text += ":" + i.Target
	}
	return name + "=" + text
}
