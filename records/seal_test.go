package records

import "testing"

func TestWhatIsSealedIsOpenedForItsPurposeByItsTenant(t *testing.T) {
	one := &Door{cursors: cursors{key: []byte("0123456789abcdef0123456789abcdef")}}
	other := &Door{cursors: cursors{key: []byte("another-key-another-key-another-")}}
	sealed, err := one.Seal("binding", "what")
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := one.Unseal("binding", sealed); !ok || text != "what" {
		t.Errorf("%q, %v", text, ok)
	}
	if _, ok := one.Unseal("another purpose", sealed); ok {
		t.Error("it is opened for another purpose")
	}
	if _, ok := other.Unseal("binding", sealed); ok {
		t.Error("another tenant opens it")
	}
	changed := []byte(sealed)
	changed[len(changed)-3] ^= 1
	for _, bad := range []string{"", "a", "!", sealed[:len(sealed)-1], string(changed)} {
		if _, ok := one.Unseal("binding", bad); ok {
			t.Errorf("%q is opened", bad)
		}
	}
}
