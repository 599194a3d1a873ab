package records_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/inglehealth/ingle/records"
)

func TestPiecesAreKeptReadAndDroppedByTheirNames(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.DefaultPolicy())
		content := bytes.Repeat([]byte("piece "), 100_000)
		one, two := records.NewPiece(content), records.NewPiece(content)
		for _, p := range []records.Piece{one, two, two} {
			if err := door.KeepPiece(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		if err := door.DropPiece(t.Context(), one.Name); err != nil {
			t.Fatal(err)
		}
		if _, err := door.ReadPiece(t.Context(), one.Name); !errors.Is(err, records.ErrNoPiece) {
			t.Errorf("%v", err)
		}
		if got, err := door.ReadPiece(t.Context(), two.Name); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if err := door.DropPiece(t.Context(), one.Name); err != nil {
			t.Error(err)
		}
	})
}

func TestTheContentOfABinaryIsNoPiece(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.DefaultPolicy())
		put(t, s, "Binary/b", `{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"aGVsbG8="}`)
		const name = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // SHA-256 of hello
		if _, err := s.Door().ReadPiece(t.Context(), name); !errors.Is(err, records.ErrNoPiece) {
			t.Errorf("%v", err)
		}
		if err := s.Door().DropPiece(t.Context(), name); err != nil {
			t.Error(err)
		}
		if _, content, err := s.ReadBinary(t.Context(), "b", "", 0, -1); err != nil || content.Size != 5 {
			t.Errorf("%+v, %v", content, err)
		}
	})
}
