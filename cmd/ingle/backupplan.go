package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
)

// backupFlags say which backups a server takes by itself.
type backupFlags struct {
	BackupTo    string        `placeholder:"DIR" help:"Take backups of all tenants to this folder, which is there, on another disk than the records."`
	BackupEvery time.Duration `default:"24h" help:"How often, with --backup-to."`
	BackupKeep  int           `default:"7" help:"How many of them are kept: older ones in the folder are removed. 0: all."`
}

// checkBackups refuses what cannot be.
func (f backupFlags) checkBackups() error {
	if f.BackupTo == "" {
		return nil
	}
	if info, err := os.Stat(f.BackupTo); err != nil || !info.IsDir() {
		return usage("--backup-to %s: there is no such folder", f.BackupTo)
	}
	if f.BackupEvery < time.Minute {
		return usage("--backup-every %s is less than a minute", f.BackupEvery)
	}
	if f.BackupKeep < 0 {
		return usage("--backup-keep %d is less than 0", f.BackupKeep)
	}
	return nil
}

// backupPlan takes backups when they are due. Of several processes one does.
type backupPlan struct {
	backupFlags
	from    storeFlags
	tenants *openTenants
	log     logger
}

const (
	backupJob   = "backup"
	backupRetry = 5 * time.Minute
)

// start works until what it returns is called.
func (p *backupPlan) start(ctx context.Context) func() error {
	if p.BackupTo == "" {
		return func() error { return nil }
	}
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { p.work(ctx) })
	return func() error {
		stop()
		working.Wait()
		return nil
	}
}

func (p *backupPlan) work(ctx context.Context) {
	for {
		wait, err := p.wait(ctx)
		if err == nil && wait <= 0 {
			if err = p.one(ctx); err == nil {
				continue
			}
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.log.Error("no backup was taken", "error", err)
			wait = backupRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(wait, time.Hour)): // whoever takes one meanwhile puts it off
		}
	}
}

// wait is how long it is until the next one is due.
func (p *backupPlan) wait(ctx context.Context) (time.Duration, error) {
	last, err := records.LastBackup(ctx, p.tenants.store(""))
	if err != nil || last.Taken.IsZero() {
		return 0, err
	}
	return time.Until(last.Taken.Add(p.BackupEvery)), nil
}

// one takes a backup, unless another process has taken it.
func (p *backupPlan) one(ctx context.Context) error {
	c := jobs.Config{Store: p.tenants.store(""), Clock: time.Now, Log: p.log}
	err := jobs.Do(ctx, c, jobs.Job{ID: backupJob, Kind: backupJob}, func(ctx context.Context, _ *jobs.Work) error {
		if wait, err := p.wait(ctx); err != nil || wait > 0 {
			return err
		}
		return p.take(ctx)
	}, nil)
	if errors.Is(err, jobs.ErrLost) { // another one had it
		return nil
	}
	return err
}

func (p *backupPlan) take(ctx context.Context) error {
	names, err := p.from.backedUp(ctx)
	if err != nil {
		return err
	}
	taken := time.Now()
	file, size, err := p.from.backup(ctx, p.BackupTo, names, taken, nil)
	if err != nil {
		return err
	}
	p.log.Info("backup taken", "file", file, "size", humanize.IBytes(uint64(max(size, 0))), "took", time.Since(taken))
	for _, name := range p.tenants.Names() {
		s := p.tenants.store(name)
		if s == nil {
			continue // it went just now
		}
		if err := noteBackup(ctx, s, records.Backup{Taken: taken, Bytes: size, To: filepath.Base(file)}); err != nil {
			return err
		}
	}
	return p.prune()
}

// prune removes all backups but the newest.
func (p *backupPlan) prune() error {
	if p.BackupKeep == 0 {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(p.BackupTo, "ingle-*Z"+backupSuffix))
	if err != nil {
		return err
	}
	slices.Sort(files) // by their times
	var errs []error
	for len(files) > p.BackupKeep {
		errs = append(errs, os.Remove(files[0]))
		files = files[1:]
	}
	return errors.Join(errs...)
}
