package main

import (
	"fmt"
	"io"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// meter shows progress: a bar on a terminal, else a line every few seconds.
type meter struct {
	out   io.Writer
	bar   *progressbar.ProgressBar
	said  string
	shown time.Time
}

// newMeter makes a meter; bytes says that it counts these.
func newMeter(out io.Writer, bytes bool) *meter {
	m := &meter{out: out, shown: time.Now()}
	if f, ok := out.(interface{ Fd() uintptr }); ok && isatty.IsTerminal(f.Fd()) {
		m.bar = progressbar.NewOptions64(1, progressbar.OptionSetWriter(out), progressbar.OptionShowBytes(bytes),
			progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true))
	}
	return m
}

// progress shows how much of a whole is done; at says where the work is.
func (m *meter) progress(done, whole int64, text, at string) {
	whole = max(whole, 1)
	if m.bar != nil {
		m.bar.ChangeMax64(whole)
		m.bar.Describe(text)
		_ = m.bar.Set64(min(done, whole)) // a terminal that is gone is no reason to stop
		return
	}
	if time.Since(m.shown) < 2*time.Second {
		return
	}
	m.shown = time.Now()
	fmt.Fprintf(m.out, "%3d %%  %s  (%s)\n", min(done, whole)*100/whole, text, at)
}

// note says something once.
func (m *meter) note(text string) {
	if m.said != text {
		m.said = text
		fmt.Fprintln(m.out, text)
	}
}

func (m *meter) close() {
	if m.bar != nil {
		_ = m.bar.Finish() // as above
	}
}
