package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/store"
)

var keepingCases = []testCase{
	{"a blob comes back whole and in ranges", blobs},
	{"a blob whose content fails is not kept", blobFails},
	{"blobs of the same content are one", blobSame},
	{"a job keeps what it is given", jobKept},
	{"a job that exists is not created again", jobExists},
	{"a job is leased when it is due, the oldest first", jobDue},
	{"a lease that expired is taken by another", jobExpired},
	{"two callers never lease the same job", jobOnce},
	{"a cancelled job cannot be updated", jobCancelled},
	{"jobs are counted by kind and state", jobsCounted},
	{"a store says how it is", vitals},
	{"settings keep the first value and the written one", settingsKept},
	{"a store answers a ping until it is closed", pingClose},
}

func pieces(chunks ...string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, c := range chunks {
			if !yield([]byte(c), nil) {
				return
			}
		}
	}
}

func gather(t *testing.T, content iter.Seq2[[]byte, error]) string {
	t.Helper()
	var out []byte
	for c, err := range content {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c...)
	}
	return string(out)
}

func blobs(t *testing.T, b bench) {
	whole := string(bytes.Repeat([]byte("0123456789abcdef"), 50_000))
	for _, content := range []string{"", "x", whole} {
		name, size, err := b.CreateBlob(b.ctx, pieces(content[:len(content)/3], content[len(content)/3:]))
		if err != nil || size != int64(len(content)) {
			t.Fatalf("size %d, %v", size, err)
		}
		for _, r := range [][2]int64{{0, -1}, {0, 1}, {3, 5}, {262_140, 10}, {262_144, 300_000}, {int64(len(content)), 10}, {int64(len(content)) + 5, -1}} {
			got, size, err := b.ReadBlob(b.ctx, name, r[0], r[1])
			if err != nil || size != int64(len(content)) {
				t.Fatalf("range %v: size %d, %v", r, size, err)
			}
			from := min(r[0], int64(len(content)))
			to := int64(len(content))
			if r[1] >= 0 {
				to = min(to, from+r[1])
			}
			if text := gather(t, got); text != content[from:to] {
				t.Errorf("range %v of %d bytes gave %d bytes", r, len(content), len(text))
			}
		}
		if err := b.DeleteBlob(b.ctx, name); err != nil {
			t.Error(err)
		}
		if _, _, err := b.ReadBlob(b.ctx, name, 0, -1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		if err := b.DeleteBlob(b.ctx, name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
	}
	for _, name := range []string{"", "../lock", "x"} {
		if _, _, err := b.ReadBlob(b.ctx, name, 0, -1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func blobFails(t *testing.T, b bench) {
	_, _, err := b.CreateBlob(b.ctx, func(yield func([]byte, error) bool) {
		_ = yield([]byte("start"), nil) && yield(nil, errGivenUp)
	})
	if !errors.Is(err, errGivenUp) {
		t.Error(err)
	}
}

func blobSame(t *testing.T, b bench) {
	one, _, err := b.CreateBlob(b.ctx, pieces("same"))
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := b.CreateBlob(b.ctx, pieces("sa", "me"))
	if err != nil || one != two {
		t.Errorf("%s, %s, %v", one, two, err)
	}
	got, _, err := b.ReadBlob(b.ctx, one, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if text := gather(t, got); text != "same" {
		t.Error(text)
	}
}

func job(id string, runAt int) store.Job {
	return store.Job{ID: id, Kind: "import", State: store.JobReady, Args: []byte(`{"n":1}`), Max: 3, RunAt: at(runAt), Created: at(0)}
}

func (b bench) create(t *testing.T, jobs ...store.Job) {
	t.Helper()
	for _, j := range jobs {
		if err := b.CreateJob(b.ctx, j); err != nil {
			t.Fatal(err)
		}
	}
}

func (b bench) lease(minute int, holder string) (store.Job, error) {
	return b.LeaseJob(b.ctx, []string{"import", "reindex"}, holder, at(minute), at(minute+1))
}

func jobKept(t *testing.T, b bench) {
	want := job("1", 0)
	b.create(t, want)
	if got, err := b.ReadJob(b.ctx, "1"); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
	if _, err := b.ReadJob(b.ctx, "2"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	got, err := b.lease(0, "h")
	want.State, want.Attempt, want.Holder, want.Lease = store.JobRunning, 1, "h", at(1)
	if err != nil || cmp.Diff(want, got) != "" {
		t.Fatalf("%v %s", err, cmp.Diff(want, got))
	}
	want.State, want.Progress, want.Result, want.Error, want.Ended, want.Lease = store.JobDone, []byte(`{"at":9}`), []byte(`{}`), "first try", at(3), at(2)
	if err := b.UpdateJob(b.ctx, want, "h"); err != nil {
		t.Fatal(err)
	}
	want.Holder = ""
	if got, err := b.ReadJob(b.ctx, "1"); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
	other := job("2", 0)
	other.Kind = "reindex"
	b.create(t, other)
	for kind, want := range map[string][]string{"": {"2", "1"}, "import": {"1"}, "none": nil} {
		list, err := b.ListJobs(b.ctx, kind, 10)
		var ids []string
		for _, j := range list {
			ids = append(ids, j.ID)
		}
		if err != nil || !slices.Equal(ids, want) {
			t.Errorf("%q: %v, %v", kind, ids, err)
		}
	}
	if err := b.DeleteJob(b.ctx, "1"); err != nil {
		t.Error(err)
	}
	if err := b.DeleteJob(b.ctx, "1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

func jobExists(t *testing.T, b bench) {
	b.create(t, job("1", 0))
	if err := b.CreateJob(b.ctx, job("1", 5)); !errors.Is(err, store.ErrVersion) {
		t.Error(err)
	}
}

func jobDue(t *testing.T, b bench) {
	other := job("other", 0)
	other.Kind = "export"
	b.create(t, job("later", 9), job("b", 2), job("a", 1), other)
	for _, want := range []string{"a", "b"} {
		if j, err := b.lease(3, "h"); err != nil || j.ID != want {
			t.Errorf("%s, want %s, %v", j.ID, want, err)
		}
	}
	if j, err := b.lease(3, "h"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%+v, %v", j, err)
	}
}

func jobsCounted(t *testing.T, b bench) {
	if counts, err := b.CountJobs(b.ctx); err != nil || len(counts) != 0 {
		t.Errorf("%+v, %v", counts, err)
	}
	other := job("other", 1)
	other.Kind = "another"
	b.create(t, job("1", 2), job("2", 5), job("3", 4), other)
	leased, err := b.lease(3, "one")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.CancelJob(b.ctx, "2", at(7)); err != nil {
		t.Fatal(err)
	}
	counts, err := b.CountJobs(b.ctx)
	kind := leased.Kind
	want := []store.JobCount{
		{Kind: "another", State: store.JobReady, Count: 1, RunAt: at(1)},
		{Kind: kind, State: store.JobCancelled, Count: 1, RunAt: at(5), Ended: at(7)},
		{Kind: kind, State: store.JobReady, Count: 1, RunAt: at(4)},
		{Kind: kind, State: store.JobRunning, Count: 1, RunAt: at(2), Lease: leased.Lease, Attempts: 1},
	}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Error(diff, err)
	}
}

func vitals(t *testing.T, b bench) {
	before, err := b.Vitals(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, b.put("Patient/1", 0, "x"))
	after, err := b.Vitals(b.ctx)
	switch {
	case err != nil:
		t.Fatal(err)
	case after.Commits <= before.Commits || after.Bytes <= 0 || after.Version == "":
		t.Errorf("%+v, then %+v", before, after)
	case after.Connections < 1 || after.Connections > after.MaxConnections || after.Busy < 0 || after.Busy > after.MaxConnections:
		t.Errorf("%+v", after)
	case after.Now.Before(before.Now) || time.Since(after.Now).Abs() > time.Minute || after.FeedHeld < 0:
		t.Errorf("%+v", after)
	}
}

func jobExpired(t *testing.T, b bench) {
	b.create(t, job("1", 0))
	first, err := b.lease(0, "one")
	if err != nil {
		t.Fatal(err)
	}
	first.Lease = at(4)
	if err := b.UpdateJob(b.ctx, first, "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.lease(2, "two"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a renewed lease was taken: %v", err)
	}
	second, err := b.lease(5, "two")
	if err != nil || second.Attempt != 2 || second.Holder != "two" {
		t.Fatalf("%+v, %v", second, err)
	}
	if err := b.UpdateJob(b.ctx, first, "one"); !errors.Is(err, store.ErrVersion) {
		t.Errorf("the former holder: %v", err)
	}
	second.State, second.RunAt = store.JobReady, at(8)
	if err := b.UpdateJob(b.ctx, second, "two"); err != nil {
		t.Fatal(err)
	}
	if err := b.UpdateJob(b.ctx, second, "two"); !errors.Is(err, store.ErrVersion) {
		t.Errorf("after giving it back: %v", err)
	}
}

func jobOnce(t *testing.T, b bench) {
	const n = 30
	for i := range n {
		b.create(t, job(fmt.Sprint(i), 0))
	}
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			for {
				j, err := b.lease(0, fmt.Sprint(g))
				if errors.Is(err, store.ErrNotFound) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				got[j.ID]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i := range n {
		if got[fmt.Sprint(i)] != 1 {
			t.Errorf("job %d was leased %d times", i, got[fmt.Sprint(i)])
		}
	}
}

func jobCancelled(t *testing.T, b bench) {
	b.create(t, job("1", 0))
	j, err := b.lease(0, "h")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.CancelJob(b.ctx, "1", at(1)); err != nil {
		t.Fatal(err)
	}
	if err := b.UpdateJob(b.ctx, j, "h"); !errors.Is(err, store.ErrVersion) {
		t.Errorf("update: %v", err)
	}
	if err := b.CancelJob(b.ctx, "1", at(2)); !errors.Is(err, store.ErrVersion) {
		t.Errorf("cancelled twice: %v", err)
	}
	if err := b.CancelJob(b.ctx, "none", at(2)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("cancelled nothing: %v", err)
	}
	if j, err := b.ReadJob(b.ctx, "1"); err != nil || j.State != store.JobCancelled || !j.Ended.Equal(at(1)) {
		t.Errorf("%+v, %v", j, err)
	}
}

func settingsKept(t *testing.T, b bench) {
	if _, err := b.ReadSetting(b.ctx, "key"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	var wg sync.WaitGroup
	values := make([][]byte, 8)
	for i := range values {
		wg.Go(func() {
			v, err := b.InitSetting(b.ctx, "key", []byte{byte(i)})
			if err != nil {
				t.Error(err)
			}
			values[i] = v
		})
	}
	wg.Wait()
	for _, v := range values {
		if !bytes.Equal(v, values[0]) {
			t.Errorf("initialized twice: %v", values)
		}
	}
	if err := b.WriteSetting(b.ctx, "key", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if v, err := b.ReadSetting(b.ctx, "key"); err != nil || string(v) != "new" {
		t.Errorf("%q, %v", v, err)
	}
	for was, want := range map[string]error{"old": store.ErrVersion, "new": nil} {
		if err := b.SwapSetting(b.ctx, "key", []byte(was), []byte("newer")); !errors.Is(err, want) {
			t.Errorf("swapped %s: %v, want %v", was, err, want)
		}
	}
	if v, err := b.ReadSetting(b.ctx, "key"); err != nil || string(v) != "newer" {
		t.Errorf("%q, %v", v, err)
	}
	if err := b.SwapSetting(b.ctx, "none", nil, []byte("new")); !errors.Is(err, store.ErrVersion) {
		t.Errorf("swapped what is not there: %v", err)
	}
	if err := b.WriteSetting(b.ctx, "empty", nil); err != nil {
		t.Fatal(err)
	}
	if v, err := b.ReadSetting(b.ctx, "empty"); err != nil || len(v) != 0 {
		t.Errorf("%q, %v", v, err)
	}
	all, err := b.ListSettings(b.ctx)
	if empty, ok := all["empty"]; err != nil || len(all) != 2 || string(all["key"]) != "newer" || !ok || len(empty) != 0 {
		t.Errorf("%q, %v", all, err)
	}
}

func pingClose(t *testing.T, b bench) {
	if err := b.Ping(b.ctx); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := b.try(b.put(fmt.Sprintf("Patient/%d", i), 0, "")); err != nil && !errors.Is(err, store.ErrClosed) {
				t.Error(err)
			}
		})
	}
	time.Sleep(time.Millisecond)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := b.Ping(b.ctx); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Ping: %v", err)
	}
	if _, err := b.Read(b.ctx, key("Patient/0")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}
