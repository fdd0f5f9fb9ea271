package rollout

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/locks"
)

// FileStore keeps each rollout in a folder of its own:
//
//	checkpoint.json   its state
//	audit.ndjson      what was done, one line each
//	commands/         what people asked for and no runner has done yet
//	lock              held by the runner, and free when its process ends
//
// A lease is a lock of the operating system: it needs no renewal and no clock, and a killed
// process loses it at once. On a network file system it is as reliable as the locks of that
// file system. When the folder is deleted or replaced, the lease is lost. It is safe for
// concurrent use.
type FileStore struct{ dir string }

// NewFileStore returns the store in a folder, which is created when it is first written to.
// It does no I/O.
func NewFileStore(dir string) *FileStore { return &FileStore{dir} }

// String is the folder.
func (s *FileStore) String() string { return s.dir }

const (
	checkpointName = "checkpoint.json"
	auditName      = "audit.ndjson"
	commandFolder  = "commands"
	holderName     = "holder"
	lockName       = "lock"
	folderMode     = 0o700
	fileMode       = 0o600
)

// folder is where a rollout is kept.
func (s *FileStore) folder(rollout string) string { return filepath.Join(s.dir, fileName(rollout)) }

// checkpointRecord is the content of checkpoint.json: the checkpoint, and the audit entries
// that may not be on the disk yet, those that were stored with it among them, so that a crash
// loses none.
type checkpointRecord struct {
	// SHA256 is the checksum of the record without it, in hexadecimal digits.
	SHA256     string          `json:"sha256,omitempty"`
	Checkpoint json.RawMessage `json:"checkpoint"`
	Audit      json.RawMessage `json:"audit,omitempty"`
}

// sum is the checksum of the checkpoint and the audit entries.
func (r checkpointRecord) sum() (string, error) {
	r.SHA256 = ""
	data, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// encode returns the content of the file, which begins with the checksum of the rest.
func (r checkpointRecord) encode() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(make([]byte, 0, len(data)+128), `{"sha256":"%x",%s`, sha256.Sum256(data), data[1:]), nil
}

// check says what is wrong with a record that was read; nil when nothing is.
func (r checkpointRecord) check() error {
	if len(r.Checkpoint) == 0 {
		return errors.New("it holds no checkpoint")
	}
	sum, err := r.sum()
	if err == nil && sum != r.SHA256 {
		err = errors.New("it is damaged or was changed by hand: its checksum does not fit")
	}
	return err
}

// Acquire implements [Store].
func (s *FileStore) Acquire(ctx context.Context, rollout, holder string) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir := s.folder(rollout)
	if err := makeFolder(filepath.Join(dir, commandFolder)); err != nil {
		return nil, storeError(rollout, err)
	}
	lock, err := locks.AcquireFile(filepath.Join(dir, lockName))
	if errors.Is(err, locks.ErrLocked) {
		other, _ := os.ReadFile(filepath.Join(dir, holderName)) // for people; may be missing
		return nil, &LeasedError{Rollout: rollout, Holder: string(other)}
	}
	if err != nil {
		return nil, storeError(rollout, err)
	}
	l := &fileLease{rollout: rollout, dir: dir, lock: lock}
	if err := l.initialize(holder); err != nil {
		return nil, joinErrors(storeError(rollout, err), lock.Release())
	}
	return l, nil
}

// Read implements [Store].
func (s *FileStore) Read(ctx context.Context, rollout string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := readRecord(rollout, s.folder(rollout))
	return r.Checkpoint, err
}

// Post implements [Store].
func (s *FileStore) Post(ctx context.Context, rollout string, c Command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	dir := filepath.Join(s.folder(rollout), commandFolder)
	if err := makeFolder(dir); err != nil {
		return storeError(rollout, err)
	}
	there, err := commandFiles(dir, []string{c.ID})
	if err != nil || len(there) > 0 {
		return storeError(rollout, err)
	}
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("rollout %s: encode a command: %w", rollout, err)
	}
	at, err := nextCommandTime(dir, time.Now().UnixNano())
	if err != nil {
		return storeError(rollout, err)
	}
	name := commandName(fmt.Sprintf("%0*d", timeDigits, at), c.ID)
	return storeError(rollout, locks.WriteFile(filepath.Join(dir, name), data))
}

// nextCommandTime is now or, where a machine whose clock is ahead has posted a command, a time
// after that one: commands are executed in the order in which they were posted.
func nextCommandTime(dir string, now int64) (int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if !isCommandFile(entry) {
			continue
		}
		if at, err := strconv.ParseInt(entry.Name()[:timeDigits], 10, 64); err == nil && at < math.MaxInt64 {
			now = max(now, at+1)
		}
	}
	return now, nil
}

// commandName is the file of a command: the time, by which commands are sorted, and
// the id, in which no hyphen is left.
func commandName(at, id string) string {
	return at + "-" + strings.ReplaceAll(fileName(id), "-", "%2D") + ".json"
}

// isCommandFile says whether Post has made a file of the folder of commands. Others, such as
// an editor's backup or the notes of a file system, are somebody else's: they are neither
// read nor removed.
func isCommandFile(entry os.DirEntry) bool {
	at, id, ok := strings.Cut(strings.TrimSuffix(entry.Name(), ".json"), "-")
	return ok && strings.HasSuffix(entry.Name(), ".json") && len(at) == timeDigits &&
		strings.Trim(at, "0123456789") == "" && id != "" && !strings.ContainsAny(id, "-. ")
}

// timeDigits is how many digits the time in the name of a command's file has.
const timeDigits = 20

// commandFiles are the files of the commands with these ids. (filepath.Glob would fail where
// the name of the folder looks like a pattern.)
func commandFiles(dir string, ids []string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if isCommandFile(entry) && slices.ContainsFunc(ids, func(id string) bool { return strings.HasSuffix(entry.Name(), commandName("", id)) }) {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	return paths, nil
}

// makeFolder creates a folder and those above it, durably.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if above := filepath.Dir(dir); above != dir {
		if err := makeFolder(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, folderMode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return locks.SyncFolder(filepath.Dir(dir))
}

// Audit implements [Store].
func (s *FileStore) Audit(ctx context.Context, rollout string) iter.Seq2[AuditEntry, error] {
	return func(yield func(AuditEntry, error) bool) {
		f, err := os.Open(filepath.Join(s.folder(rollout), auditName))
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if err != nil {
			yield(AuditEntry{}, storeError(rollout, err))
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		lines := bufio.NewReader(f)
		for {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return // an incomplete last line is repaired by the next lease
			}
			var entry AuditEntry
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = json.Unmarshal(line, &entry)
			}
			if err != nil {
				yield(AuditEntry{}, storeError(rollout, fmt.Errorf("read %s: %w", f.Name(), err)))
				return
			}
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// Checkpoints implements [Lister].
func (s *FileStore) Checkpoints(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		folders, err := os.ReadDir(s.dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			yield(nil, fmt.Errorf("rollouts: the store failed: %w", err))
			return
		}
		for _, folder := range folders {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !folder.IsDir() {
				continue
			}
			r, err := readRecord(folder.Name(), filepath.Join(s.dir, folder.Name()))
			if err == nil && r.Checkpoint == nil {
				continue // it has not begun, or is no rollout
			}
			if !yield(r.Checkpoint, err) || err != nil && !errors.As(err, new(*CheckpointError)) {
				return
			}
		}
	}
}

// readRecord reads what Save wrote last; the zero record when it never did.
func readRecord(rollout, dir string) (r checkpointRecord, err error) {
	path := filepath.Join(dir, checkpointName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, storeError(rollout, err)
	}
	if err = json.Unmarshal(data, &r); err == nil {
		err = r.check()
	}
	if err != nil {
		return checkpointRecord{}, &CheckpointError{Rollout: rollout, Reason: fmt.Sprintf("read %s: %v", path, err)}
	}
	return r, nil
}

func storeError(rollout string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("rollout %s: the store failed: %w", rollout, err)
}

// fileName makes a name safe for every file system, and different ones different.
func fileName(name string) string {
	const longest = 80
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	safe := b.String()
	if safe == "" {
		return "%"
	}
	if len(safe) > longest {
		return safe[:longest] + "%" + digest([]byte(name))
	}
	return safe
}

// fileLease is a lease of a [FileStore].
type fileLease struct {
	rollout string
	dir     string
	lock    *locks.File
	// released says that Release was called.
	released atomic.Bool
	// unsynced are the last entries of the audit log, which may not be on the disk yet.
	unsynced []AuditEntry
	// broken is why nothing more may be stored: the audit log may lack entries that the
	// checkpoint has. The next lease repairs it.
	broken error
}

func (l *fileLease) path(name string) string { return filepath.Join(l.dir, name) }

// initialize records who holds the lease, and repairs what a crash left incomplete.
func (l *fileLease) initialize(holder string) error {
	if err := os.WriteFile(l.path(holderName), []byte(holder), fileMode); err != nil {
		return err
	}
	var r checkpointRecord
	r, l.broken = readRecord(l.rollout, l.dir) // Load returns the error too; a Save would lose the entries in it
	if len(r.Audit) > 0 {
		if err := json.Unmarshal(r.Audit, &l.unsynced); err != nil {
			return &CheckpointError{Rollout: l.rollout, Reason: fmt.Sprintf("read %s: %v", l.path(checkpointName), err)}
		}
	}
	return l.appendAudit(l.unsynced, false)
}

// checkHeld returns an error unless the lease is still held.
func (l *fileLease) checkHeld() error {
	if l.released.Load() {
		return fmt.Errorf("rollout %s: it was released: %w", l.rollout, ErrLeaseLost)
	}
	if err := l.lock.Held(); err != nil {
		return fmt.Errorf("rollout %s: %w: %w", l.rollout, ErrLeaseLost, err)
	}
	return nil
}

func (l *fileLease) Load(context.Context) ([]byte, error) {
	if err := l.checkHeld(); err != nil {
		return nil, err
	}
	r, err := readRecord(l.rollout, l.dir)
	return r.Checkpoint, err
}

func (l *fileLease) Save(_ context.Context, checkpoint []byte, audit []AuditEntry) error {
	if err := cmp.Or(l.checkHeld(), l.broken); err != nil {
		return err
	}
	if len(l.unsynced) >= maxUnsynced {
		if err := l.appendAudit(l.unsynced, true); err != nil {
			return storeError(l.rollout, err)
		}
		l.unsynced = nil
	}
	record := checkpointRecord{Checkpoint: checkpoint}
	unsynced := slices.Concat(l.unsynced, audit)
	var err error
	if len(unsynced) > 0 {
		record.Audit, err = json.Marshal(unsynced)
	}
	var data []byte
	if err == nil {
		data, err = record.encode()
	}
	if err != nil {
		return fmt.Errorf("rollout %s: encode a checkpoint: %w", l.rollout, err)
	}
	if err := locks.WriteFile(l.path(checkpointName), data); err != nil {
		return storeError(l.rollout, err)
	}
	l.unsynced = unsynced
	if err := l.appendAudit(audit, false); err != nil {
		l.broken = storeError(l.rollout, err)
		return l.broken
	}
	return nil
}

// maxUnsynced is how many entries of the audit log the checkpoint holds too, before the log is
// synced: to sync it each time would be a third of what a Save costs.
const maxUnsynced = 16

// appendAudit appends the entries to the audit log, less those that it ends with already, and
// syncs it if that is asked.
func (l *fileLease) appendAudit(audit []AuditEntry, sync bool) error {
	if len(audit) == 0 {
		return nil
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, entry := range audit {
		if err := encoder.Encode(entry); err != nil {
			return err
		}
	}
	_, missing := os.Stat(l.path(auditName))
	f, err := os.OpenFile(l.path(auditName), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	err = appendMissing(f, lines.Bytes())
	if err == nil && sync {
		err = f.Sync()
	}
	err = cmp.Or(err, f.Close())
	if err == nil && missing != nil {
		err = locks.SyncFolder(l.dir)
	}
	return err
}

// appendMissing appends those lines that a crash kept from being written, after the last
// complete line.
func appendMissing(f *os.File, lines []byte) error {
	size, err := completeLines(f)
	if err != nil {
		return err
	}
	tail := make([]byte, min(int64(len(lines)), size))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	there := len(tail)
	for !slices.Equal(tail[len(tail)-there:], lines[:there]) {
		there--
	}
	if there == len(lines) {
		return nil
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err = f.WriteAt(lines[there:], size)
	return err
}

// completeLines is the size of the file without an incomplete last line.
func completeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	part := make([]byte, 4<<10)
	for size := info.Size(); size > 0; size -= int64(len(part)) {
		part = part[:min(size, int64(len(part)))]
		if _, err := f.ReadAt(part, size-int64(len(part))); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if at := bytes.LastIndexByte(part, '\n'); at >= 0 {
			return size - int64(len(part)) + int64(at) + 1, nil
		}
	}
	return 0, nil
}

func (l *fileLease) Commands(context.Context) ([]Command, error) {
	if err := l.checkHeld(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(l.path(commandFolder)) // sorted by name, which begins with the time
	if err != nil {
		return nil, storeError(l.rollout, err)
	}
	var commands []Command
	for _, entry := range entries {
		if !isCommandFile(entry) {
			continue // it is being written, or somebody else's
		}
		path := filepath.Join(l.path(commandFolder), entry.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, storeError(l.rollout, err)
		}
		var c Command
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, storeError(l.rollout, fmt.Errorf("the command in %s cannot be read; remove it: %w", path, err))
		}
		commands = append(commands, c)
	}
	return commands, nil
}

func (l *fileLease) Forget(_ context.Context, ids []string) error {
	if err := l.checkHeld(); err != nil {
		return err
	}
	paths, err := commandFiles(l.path(commandFolder), ids)
	if err != nil {
		return storeError(l.rollout, err)
	}
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			return storeError(l.rollout, err)
		}
	}
	return storeError(l.rollout, locks.SyncFolder(l.path(commandFolder)))
}

func (l *fileLease) RenewEvery() time.Duration { return 0 }

func (l *fileLease) Renew(context.Context) error { return l.checkHeld() }

func (l *fileLease) Release(context.Context) error {
	if l.released.Swap(true) {
		return nil
	}
	return l.lock.Release()
}
