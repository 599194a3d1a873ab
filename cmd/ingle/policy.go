package main

import "github.com/inglehealth/ingle/records"

func (f policyFlags) policy() records.Policy {
	p := records.DefaultPolicy()
	if f.IDs == "server" {
		p.ClientIDs = records.ServerChooses
	}
	p.AllowDangling = f.References == "allow-dangling"
	p.AllowDeleteReferred = f.DeleteReferred
	switch f.MetaSource {
	case "fill":
		p.MetaSource = records.SourceFill
	case "replace":
		p.MetaSource = records.SourceReplace
	}
	p.MultipleDelete = f.MultipleDelete
	p.KeepUnchanged = f.KeepUnchanged
	p.Expunge = f.AllowExpunge
	if f.Validation == "structure" {
		p.Validation = records.ValidateStructure
	}
	p.LenientSearch = f.UnknownSearch == "ignore"
	p.Reindex = f.AllowReindex
	p.Explain = f.Explain
	p.DefaultCount = f.DefaultPageSize
	p.MaxCount = f.MaxPageSize
	p.MaxEntries = f.MaxEntries
	return p
}
