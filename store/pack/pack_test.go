package pack

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

const observation = `{"resourceType":"Observation","id":"2d1b9c2e-8f1c-4a57-9a49-b1f1b8a6c0d1","meta":{"versionId":"1","lastUpdated":"2026-02-03T04:05:06.789Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2339-0","display":"Glucose [Mass/volume] in Blood"}]},"subject":{"reference":"Patient/a6c0d12d-1b9c-2e8f-1c4a-579a49b1f1b8"},"effectiveDateTime":"2026-02-03T04:05:06Z","valueQuantity":{"value":91.5,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`

func packer(t testing.TB) *Packer {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestABodyComesBack(t *testing.T) {
	p := packer(t)
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for _, json := range [][]byte{{}, []byte("{}"), []byte(observation), noise, []byte(strings.Repeat(observation, 5000))} {
		packed := p.Pack(json, nil)
		if len(packed) > len(json)+1 {
			t.Errorf("%d bytes became %d", len(json), len(packed))
		}
		got, err := p.Unpack(packed)
		if err != nil || !bytes.Equal(got, json) {
			t.Errorf("%d bytes: %v", len(json), err)
		}
	}
}

func TestWhatIsKeptWithABodyComesBack(t *testing.T) {
	p := packer(t)
	for _, with := range []string{"", "2339-0", strings.Repeat("Glucose", 100)} {
		for _, body := range []string{"{}", observation} {
			packed := p.Pack([]byte(body), []byte(with))
			json, got, err := p.UnpackAll(packed)
			if err != nil || string(json) != body || string(got) != with {
				t.Errorf("%q with %q: %q with %q, %v", body, with, json, got, err)
			}
			alone, err := Detach(packed)
			if err != nil || !bytes.Equal(alone, p.Pack([]byte(body), nil)) || !bytes.Equal(Attach(alone, []byte(with)), packed) {
				t.Errorf("%q without %q: %q, %v", body, with, alone, err)
			}
			if len(packed) > len(alone)+len(with)+4 {
				t.Errorf("keeping %d bytes takes %d", len(with), len(packed)-len(alone))
			}
		}
	}
}

func TestATypicalResourceShrinksToAThird(t *testing.T) {
	packed := packer(t).Pack([]byte(observation), nil)
	if len(packed)*3 > len(observation) {
		t.Errorf("%d bytes became %d", len(observation), len(packed))
	}
}

func TestDamageIsFound(t *testing.T) {
	p := packer(t)
	packed := p.Pack([]byte(observation), nil)
	for i := range packed {
		bad := bytes.Clone(packed)
		bad[i] ^= 0x40
		if got, err := p.Unpack(bad); err == nil && !bytes.Equal(got, []byte(observation)) && bad[0]&^joined != raw {
			t.Errorf("a flipped bit in byte %d went unseen", i)
		}
	}
	const with = "2339-0"
	both := p.Pack([]byte(observation), []byte(with))
	for i := range both {
		bad := bytes.Clone(both)
		bad[i] ^= 0x04
		if got, kept, err := p.UnpackAll(bad); err == nil && (!bytes.Equal(got, []byte(observation)) || string(kept) != with) {
			t.Errorf("a flipped bit in byte %d of a body with something went unseen", i)
		}
	}
	for _, bad := range [][]byte{nil, {9, 9}, packed[:len(packed)/2]} {
		if _, err := p.Unpack(bad); err == nil {
			t.Errorf("%d bytes of damage went unseen", len(bad))
		}
	}
}

func TestUUIDsComeBack(t *testing.T) {
	p := packer(t)
	r := rand.New(rand.NewPCG(5, 6))
	uuid := func() string {
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint64()&0xffffffffffff)
	}
	one, other := uuid(), uuid()
	var many strings.Builder
	for range 300 {
		many.WriteString(`"` + uuid() + `",`)
	}
	for _, json := range []string{
		one, one + other, one + one + one, other + one + other + one, "0" + one, one + "0", one[1:], one[:35], strings.ToUpper(one), "-" + one + "-",
		one[:8] + "-" + one, strings.ReplaceAll(one, "-", "_"), "\x01" + one, many.String(), many.String() + many.String(),
		strings.Repeat(one, 255), strings.Repeat(one+other, 200),
	} {
		json = observation + json
		got, err := p.Unpack(p.Pack([]byte(json), nil))
		if err != nil || string(got) != json {
			t.Errorf("%q became %q, %v", json, got, err)
		}
	}
}

func TestAUUIDTakesItsBytesAndARepetitionTwo(t *testing.T) {
	p := packer(t)
	size := func(json string) int { return len(p.Pack([]byte(json), nil)) }
	const one, other = "7c0f3a52-94de-4b1b-8a63-5d20e9c7f418", "f3b9d871-06a2-4e5c-b7d4-91c86e0a2b35"
	alone := size(strings.Replace(observation, "2d1b9c2e-8f1c-4a57-9a49-b1f1b8a6c0d1", one, 1) + "[]")
	if more := size(observation+`["`+other+`"]`) - alone; more > 16+4 {
		t.Errorf("a UUID takes %d bytes", more)
	}
	if more := size(observation+`["2d1b9c2e-8f1c-4a57-9a49-b1f1b8a6c0d1"]`) - alone; more > 2+4 {
		t.Errorf("one that repeats takes %d bytes", more)
	}
}

func TestABodyOfAnotherFormIsRefused(t *testing.T) {
	_, err := packer(t).Unpack([]byte("\x01\x28\xb5\x2f\xfd\x66\xe9\x03 was once a body"))
	if err == nil || !strings.Contains(err.Error(), "another version") {
		t.Error(err)
	}
}

func FuzzUnpack(f *testing.F) {
	p, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.Close)
	f.Add(p.Pack([]byte(observation), nil), []byte(observation))
	f.Add(p.Pack([]byte(observation), []byte("kept")), []byte("a\x01-2d1b9c2e-8f1c-4a57-9a49-b1f1b8a6c0d1"))
	f.Fuzz(func(t *testing.T, packed, json []byte) {
		_, _, _ = p.UnpackAll(packed)
		if got, err := p.Unpack(p.Pack(json, nil)); err != nil || !bytes.Equal(got, json) {
			t.Errorf("%q became %q, %v", json, got, err)
		}
	})
}

func TestARawBodyIsReadable(t *testing.T) {
	got, err := packer(t).Unpack([]byte("\x00{\"resourceType\":\"Patient\"}"))
	if err != nil || string(got) != `{"resourceType":"Patient"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestManyGoroutinesPackAtOnce(t *testing.T) {
	p := packer(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				json := fmt.Appendf(nil, `{"id":"%d-%d",%s`, g, i, observation[1:])
				if got, err := p.Unpack(p.Pack(json, nil)); err != nil || !bytes.Equal(got, json) {
					t.Errorf("%v", err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkPack(b *testing.B) {
	p := packer(b)
	b.SetBytes(int64(len(observation)))
	for b.Loop() {
		p.Pack([]byte(observation), nil)
	}
}

func BenchmarkUnpack(b *testing.B) {
	p := packer(b)
	packed := p.Pack([]byte(observation), nil)
	b.SetBytes(int64(len(observation)))
	for b.Loop() {
		if _, err := p.Unpack(packed); err != nil {
			b.Fatal(err)
		}
	}
}
