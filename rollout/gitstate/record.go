package gitstate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// record is what is kept of a rollout. It is never changed in place.
type record struct {
	// Checkpoint is what a runner saved; nil for nothing.
	Checkpoint []byte
	// Audit is the audit log, a line of JSON each.
	Audit []byte
	// Commands are those that nobody has executed yet, oldest first.
	Commands []rollout.Command
	// Lease says who may change it; zero for nobody.
	Lease leaseRecord
}

type leaseRecord struct {
	// Holder is who has the lease, and Token which of the holder's it is.
	Holder string `json:"holder,omitempty"`
	Token  string `json:"token,omitempty"`
	// Until is when it ends unless it is renewed, by the holder's clock.
	Until time.Time `json:"until,omitzero"`
}

// The files of a rollout, in its folder.
const (
	checkpointFile = "checkpoint.json"
	auditFile      = "audit.ndjson"
	commandsFile   = "commands.json"
	leaseFile      = "lease.json"
)

// aboutFile marks the branch, and says to people what it is.
const aboutFile = "README.md"

const about = `This branch holds the state of rollouts: a folder for each, with its checkpoint, its audit
log, commands that nobody has executed yet, and who has the lease. It is written by the
alipayplus tool and by programs that use the package gitstate. Do not edit or merge it.
`

// folder is the folder of a rollout: different names have different ones.
func folder(name string) string {
	const longest, digits = 60, 16
	sum := sha256.Sum256([]byte(name))
	readable := url.QueryEscape(name)
	return readable[:min(len(readable), longest)] + "-" + hex.EncodeToString(sum[:digits])
}

// recordFiles are the paths of a rollout's files, in the order of decodeRecord.
func recordFiles(name string) []string {
	dir := folder(name) + "/"
	return []string{dir + checkpointFile, dir + auditFile, dir + commandsFile, dir + leaseFile}
}

// decodeRecord reads the files; nil for one that is not there.
func decodeRecord(files [][]byte) (r record, err error) {
	r.Checkpoint, r.Audit = files[0], files[1]
	if files[2] != nil {
		err = json.Unmarshal(files[2], &r.Commands)
	}
	if files[3] != nil && err == nil {
		err = json.Unmarshal(files[3], &r.Lease)
	}
	return r, err
}

// encode writes the files; nil for one that is not to be there.
func (r record) encode() (files [][]byte, err error) {
	files = [][]byte{r.Checkpoint, r.Audit, nil, nil}
	if len(r.Commands) > 0 {
		if files[2], err = json.MarshalIndent(r.Commands, "", "  "); err != nil {
			return nil, err
		}
	}
	if r.Lease != (leaseRecord{}) {
		files[3], err = json.Marshal(r.Lease)
	}
	return files, err
}

// file is a file of a commit; without content it is removed.
type file struct {
	path    string
	content []byte
}

// changes are the files in which a record differs from what was before.
func (r record) changes(before record, name string) (changed []file, err error) {
	now, err := r.encode()
	if err != nil {
		return nil, err
	}
	then, err := before.encode()
	if err != nil {
		return nil, err
	}
	for i, path := range recordFiles(name) {
		if !slices.Equal(now[i], then[i]) {
			changed = append(changed, file{path, bytes.Clone(now[i])})
		}
	}
	return changed, nil
}
