package records_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"iter"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

func pieces(content []byte, size int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for len(content) > 0 {
			n := min(size, len(content))
			if !yield(content[:n], nil) {
				return
			}
			content = content[n:]
		}
	}
}

func joined(t testing.TB, content iter.Seq2[[]byte, error]) []byte {
	t.Helper()
	var all []byte
	for chunk, err := range content {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, chunk...)
	}
	return all
}

func TestABinaryIsTheSameRawAndAsAResource(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		content := bytes.Repeat([]byte("0123456789\x00\xff"), 50_000)
		res := must(s.CreateBinary(t.Context(), records.BinaryContent{ContentType: "application/pdf", SecurityContext: "Patient/p", Content: pieces(content, 7_777)}, records.CreateOptions{}))(t)
		head, b, err := s.ReadBinary(t.Context(), res.Key.ID, "", 0, -1)
		if err != nil || head.Version != 1 || b.ContentType != "application/pdf" || b.SecurityContext != "Patient/p" || b.Size != int64(len(content)) {
			t.Fatalf("%+v %+v %v", head, b, err)
		}
		if !bytes.Equal(joined(t, b.Content), content) {
			t.Fatal("the content differs")
		}
		_, b, err = s.ReadBinary(t.Context(), res.Key.ID, "1", 100_000, 17)
		if err != nil || !bytes.Equal(joined(t, b.Content), content[100_000:100_017]) {
			t.Fatalf("the range differs: %v", err)
		}
		_, b, err = s.ReadBinary(t.Context(), res.Key.ID, "", int64(len(content)), -1)
		refused(t, err, fault.RangeNotSatisfied)
		if b.Size != int64(len(content)) {
			t.Fatal("the size is not told")
		}
		data := `"data":"` + base64.StdEncoding.EncodeToString(content) + `"`
		got := must(s.Read(t.Context(), res.Key, records.ReadOptions{}))(t)
		if !bytes.Contains(got.JSON, []byte(data)) || bytes.Contains(got.JSON, []byte("ingle-content")) {
			t.Fatalf("as a resource: %.300s", got.JSON)
		}
		if same := must(s.Update(t.Context(), res.Key, records.Content{JSON: got.JSON}, records.UpdateOptions{}))(t); !same.Unchanged {
			t.Fatal("what was read and sent back made a version")
		}
		json := put(t, s, "Binary/b", `{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"aGVsbG8g\n d29ybGQ="}`)
		if !bytes.Contains(json.JSON, []byte(`"data":"aGVsbG8gd29ybGQ="`)) {
			t.Fatalf("%s", json.JSON)
		}
		_, b, err = s.ReadBinary(t.Context(), "b", "", 6, -1)
		if err != nil || string(joined(t, b.Content)) != "world" {
			t.Fatalf("raw: %v", err)
		}
		if page := must(s.Search(t.Context(), records.SearchRequest{Type: "Binary", Pairs: pairs(t, "_id=b")}))(t); !bytes.Contains(page.Entries[0].JSON, []byte("aGVsbG8gd29ybGQ=")) {
			t.Fatalf("found: %s", page.Entries[0].JSON)
		}
	})
}

func TestABinaryWithoutContentAndABadOne(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxBinary: 10})
		put(t, s, "Binary/e", `{"resourceType":"Binary","id":"e","contentType":"text/plain"}`)
		_, b, err := s.ReadBinary(t.Context(), "e", "", 0, -1)
		if err != nil || b.Size != 0 || len(joined(t, b.Content)) != 0 {
			t.Fatalf("%+v %v", b, err)
		}
		_, err = s.CreateBinary(t.Context(), records.BinaryContent{ContentType: "text/plain", Content: pieces(make([]byte, 11), 4)}, records.CreateOptions{})
		refused(t, err, fault.TooLarge)
		_, err = s.Create(t.Context(), "Binary", body(`{"resourceType":"Binary","contentType":"text/plain","_data":{"id":"ingle-content:x:1"}}`), records.CreateOptions{})
		refused(t, err, fault.Unprocessable, "ingle-content")
		if n := count(t, s, "Binary", ""); n != 1 {
			t.Fatalf("%d binaries", n)
		}
	})
}

func TestExpungedContentIsGoneUnlessAnotherBinaryHasIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		st := db.open(t)
		door, err := records.Open(t.Context(), records.Config{Store: st, Definitions: definitions.MustBuiltIn(definitions.R4), Policy: records.Policy{Expunge: true}})
		if err != nil {
			t.Fatal(err)
		}
		s := door.Session(records.Principal{}, nil)
		for id, data := range map[string]string{"a": "c2hhcmVk", "b": "c2hhcmVk", "c": "b25seSBoZXJl"} {
			put(t, s, "Binary/"+id, `{"resourceType":"Binary","id":%q,"contentType":"text/plain","data":%q}`, id, data)
		}
		name := func(content string) string {
			n, _, err := st.CreateBlob(t.Context(), pieces([]byte(content), 100))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		shared, only := name("shared"), name("only here")
		for _, id := range []string{"a", "c"} {
			must(s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Binary/" + id), Everything: true}))(t)
		}
		if _, _, err := st.ReadBlob(t.Context(), shared, 0, -1); err != nil {
			t.Errorf("shared content: %v", err)
		}
		if _, _, err := st.ReadBlob(t.Context(), only, 0, -1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("content of the expunged Binary: %v", err)
		}
	})
}
