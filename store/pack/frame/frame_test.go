package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const patient = `{"resourceType":"Patient","id":"2d1b9c2e-8f1c-4a57-9a49-b1f1b8a6c0d1","name":[{"family":"Lindqvist","given":["Imani"]}],"birthDate":"1988-02-29"}`

func dictionary(t testing.TB) []byte {
	t.Helper()
	var samples [][]byte
	for i := range 50 {
		samples = append(samples, fmt.Appendf(nil, `{"resourceType":"Patient","id":"%x","name":[{"family":"F%d"}],"birthDate":"19%02d-01-17"}`, i*7919, i, i))
	}
	d, err := Train(4321, []byte(patient), samples)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func writer(t testing.TB, dictionary []byte) (*Writer, *zstd.Decoder) {
	t.Helper()
	d, err := ReadDictionary(dictionary)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderDicts(dictionary), zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(decoder.Close)
	return NewWriter(d), decoder
}

func TestADecoderReadsWhatWasWritten(t *testing.T) {
	w, decoder := writer(t, dictionary(t))
	r := rand.New(rand.NewPCG(5, 6))
	hex := func(n int) string {
		var b strings.Builder
		for range n {
			fmt.Fprintf(&b, "%x", r.IntN(16))
		}
		return b.String()
	}
	contents := []string{
		patient, patient[5:], patient + patient, "{}" + patient[20:60], patient[:8] + hex(20) + patient[40:],
		strings.Repeat("a", 300), strings.Repeat("ab", 5000), strings.Repeat(patient, 200), patient[:12],
		hex(300) + patient, hex(3000) + patient, hex(40_000) + patient, "é" + patient + "\x00\xff", strings.Repeat("abcde", 13_106),
	}
	for range 300 {
		var b strings.Builder
		for b.Len() < r.IntN(4000) {
			from := r.IntN(len(patient))
			b.WriteString(patient[from:min(len(patient), from+r.IntN(60))])
			b.WriteString(hex(r.IntN(12)))
		}
		contents = append(contents, b.String()+patient)
	}
	for i, content := range contents {
		frame, ok := w.Append([]byte("before"), []byte(content))
		if !ok {
			t.Errorf("%d, of %d bytes, was not written", i, len(content))
			continue
		}
		got, err := decoder.DecodeAll(frame[6:], nil)
		if err != nil || string(got) != content {
			t.Errorf("%d, of %d bytes: %v", i, len(content), err)
		}
		if frame[7] ^= 1; string(frame[:6]) != "before" {
			t.Errorf("%d: what stood before was changed", i)
		}
	}
}

func TestWhatTheTablesDoNotFitIsLeftToOthers(t *testing.T) {
	w, _ := writer(t, dictionary(t))
	noise := make([]byte, 1000)
	r := rand.New(rand.NewPCG(7, 8))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for _, content := range [][]byte{nil, noise, bytes.Repeat([]byte("a"), maxContent+1)} {
		if _, ok := w.Append(nil, content); ok {
			t.Errorf("%d bytes were written", len(content))
		}
	}
}

func TestAChecksumIsTheOneOfTheStandard(t *testing.T) {
	for text, want := range map[string]uint64{
		"": 0xef46db3751d8e999, "a": 0xd24ec4f1a98c6e5b, "abc": 0x44bc2cf5ad770999,
		"Nobody inspects the spammish repetition": 0xfbcea83c8a378bf1,
	} {
		if got := xxh64([]byte(text)); got != want {
			t.Errorf("%q: %x, want %x", text, got, want)
		}
	}
}

func TestATableIsReadAsItWasDescribed(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 500 {
		log := 7 + r.IntN(3)
		counts := make([]int, 2+r.IntN(28))
		for i := range counts {
			counts[i] = r.IntN(1 << r.IntN(12))
		}
		want := shares(log, counts)
		table, rest, err := readFSE(append(describe(log, want), "rest"...))
		if err != nil || string(rest) != "rest" || int(table.log) != log {
			t.Fatalf("%v: %v, %q is left", want, err, rest)
		}
		for s, n := range want {
			if got := int(table.symbols[s].count); got != max(n, -n) {
				t.Fatalf("%v: symbol %d has %d states", want, s, got)
			}
		}
	}
}

func TestADamagedDictionaryIsRefused(t *testing.T) {
	good := dictionary(t)
	for n := range len(good) - len(patient) {
		if _, err := ReadDictionary(good[:n]); err == nil {
			t.Errorf("%d bytes were taken for a dictionary", n)
		}
	}
	for i := range len(good) - len(patient) {
		bad := bytes.Clone(good)
		bad[i] ^= 0x55
		if d, err := ReadDictionary(bad); err == nil {
			NewWriter(d).Append(nil, []byte(patient+patient)) // whatever it writes, it does not panic
		}
	}
}

func FuzzADecoderReadsWhatWasWritten(f *testing.F) {
	f.Add([]byte(patient))
	f.Add([]byte(strings.Repeat(patient, 3)))
	f.Add([]byte("\x00\xff"))
	w, decoder := writer(f, dictionary(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		frame, ok := w.Append(nil, content)
		if !ok {
			return
		}
		got, err := decoder.DecodeAll(frame, nil)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%q became %q, %v", content, got, err)
		}
	})
}
