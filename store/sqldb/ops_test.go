package sqldb

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawOps draws ops of all tables, many of which have much of their keys in common.
func drawOps(r *rand.Rand, n int) []Op {
	texts := []string{"", "a", "ab", "ab\x00", "ab\x00c", "ab\x01", "abcdefg", "abcdefg\x01", "abcdefg\x07", "abcdefg\x08", "abcdefgh", "abcdefghi", "abcdefgé", "é",
		"final", "vital-signs", "vital-sign", "185349003", "http://example.org/a", "http://example.org/b"}
	number := func() int64 { return int64(r.IntN(5)) - 2 }
	ops := make([]Op, n)
	for i := range ops {
		ops[i] = Op{RID: int64(r.IntN(4)), Target: number(), Gone: r.IntN(3) == 0, Row: &Row{
			Table: Table(1 + r.IntN(Tables)), Param: number(), Entry: number(), Part: number(), Value: Value{
				Text: texts[r.IntN(len(texts))], More: texts[r.IntN(3)], Extra: texts[r.IntN(3)], System: number(), Unit: number(),
				TimeLo: number() << 40, TimeHi: number(), Lo: float64(number()) / 3, Hi: float64(number()), Sort: float64(number()),
			},
		}}
	}
	return ops
}

func TestOpsAreInTheOrderOfTheirTablesKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		ops := drawOps(r, 2000)
		want := make([]int32, len(ops))
		for i := range want {
			want[i] = int32(i)
		}
		slices.SortFunc(want, func(a, b int32) int { return cmp.Or(compareKeys(&ops[a], &ops[b]), cmp.Compare(a, b)) })
		if got := SortOps(ops); !slices.Equal(got, want) {
			t.Fatal("another order than that of the keys")
		}
	}
}

func BenchmarkSortOps(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	ops := drawOps(r, 50_000)
	for i := range ops {
		ops[i].RID = int64(i / 12)
	}
	for b.Loop() {
		SortOps(ops)
	}
}
