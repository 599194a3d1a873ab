package records_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/records"
)

// BenchmarkWriteOfALargeGroup replaces and patches a Group of many members, all of which stay.
func BenchmarkWriteOfALargeGroup(b *testing.B) {
	const members = 100_000
	onEachB(b, func(b *testing.B, s *records.Session) {
		contents := make([]records.Content, 0, members)
		var group bytes.Buffer
		group.WriteString(`{"resourceType":"Group","id":"g","type":"person","actual":true,"quantity":%d,"member":[`)
		for i := range members {
			contents = append(contents, body(`{"resourceType":"Patient","id":"m%d"}`, i))
			if i > 0 {
				group.WriteByte(',')
			}
			fmt.Fprintf(&group, `{"entity":{"reference":"Patient/m%d"}}`, i)
		}
		group.WriteString(`]}`)
		for _, l := range must(s.Load(b.Context(), contents, records.LoadOptions{}))(b) {
			if l.Err != nil {
				b.Fatal(l.Err)
			}
		}
		n := 0
		write := func(b *testing.B) {
			n++
			put(b, s, "Group/g", group.String(), n)
		}
		write(b)
		b.Run("PUT", func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				write(b)
			}
		})
		b.Run("PATCH", func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				n++
				doc := records.PatchContent{Format: records.JSONPatch, Body: fmt.Appendf(nil, `[{"op":"replace","path":"/quantity","value":%d}]`, n)}
				must(s.Patch(b.Context(), key("Group/g"), doc, records.UpdateOptions{}))(b)
			}
		})
	})
}
