package platform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// Records are JSON under keys whose parts are joined by "/". A record's own key
// begins with its kind and workspace, so that what belongs to another workspace
// cannot even be named. Index keys begin with "i/"; their value is the key of
// the record.

func key(parts ...string) string { return strings.Join(parts, "/") }

// record is something that is kept.
type record interface {
	// key is where it is kept.
	key() string
	// indexes are the further keys under which it is found.
	indexes() []string
}

// load reads the record at a key; nil when there is none.
func load[T any](tx storage.Tx, at string) (*T, error) {
	value, found, err := tx.Get(at)
	if err != nil || !found {
		return nil, err
	}
	r := new(T)
	if err := json.Unmarshal(value, r); err != nil {
		return nil, fmt.Errorf("read record %s: %w: %w", at, storage.ErrDamaged, err)
	}
	return r, nil
}

// find reads a record of the caller's workspace. One that is not there is refused in
// the same words as one of another workspace.
func find[T any](c *call, what, id, at string) (*T, error) {
	r, err := load[T](c.tx, at)
	if err == nil && r == nil {
		err = notFound(what, id)
	}
	return r, err
}

// resolve reads a record that another one names, so that it must be there.
func resolve[T any](tx storage.Tx, at string) (*T, error) {
	r, err := load[T](tx, at)
	if err == nil && r == nil {
		err = fmt.Errorf("%w: the record is missing", storage.ErrDamaged)
	}
	return r, err
}

// stored is a record as save wrote it: the members that are shown, and behind them the
// platform's own, the first of which is never left out. Lists pass it on as it is: decoding
// it and encoding it again would take most of their time.
type stored []byte

// appendShown appends what is shown of a record; own is the first member that is not.
func (r stored) appendShown(to []byte, own string) ([]byte, error) {
	end := bytes.LastIndex(r, []byte(`"`+own+`":`)) // in a text, the quotes would be escaped
	if end < 1 {
		return nil, fmt.Errorf("%w: it has no %s", storage.ErrDamaged, own)
	}
	return append(append(to, bytes.TrimRight(r[:end], ",")...), '}'), nil
}

// matches says whether a text passes a filter; an empty filter passes all.
func (r stored) matches(name, filter string) bool { return filter == "" || r.text(name) == filter }

// text is the text of a member; empty when it has none.
func (r stored) text(name string) string {
	value := r.member(name)
	if len(value) < len(`""`) || value[0] != '"' {
		return ""
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1])
	}
	var text string
	_ = json.Unmarshal(value, &text) // it is a text
	return text
}

// member is the value of a member; nil when there is none.
func (r stored) member(name string) []byte {
	for rest := r; len(rest) > 1 && rest[0] != '}'; { // it begins with '{' or ','
		rest = rest[1:]
		key := rest[:rest.valueEnd()]
		rest = rest[min(len(key)+1, len(rest)):]
		value := rest[:rest.valueEnd()]
		if string(key) == `"`+name+`"` {
			return value
		}
		rest = rest[len(value):]
	}
	return nil
}

// valueEnd is where the name or value ends with which r begins.
func (r stored) valueEnd() int {
	depth, inText := 0, false
	for i := 0; i < len(r); i++ {
		switch c := r[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ':' || c == ',' || c == '}'):
			return i
		case c == '}' || c == ']':
			depth--
		}
	}
	return len(r)
}

// appendMember appends a member to the object in which to ends; the object is not empty.
func appendMember(to []byte, name string, value []byte) []byte {
	return append(append(append(append(to[:len(to)-1], `,"`...), name+`":`...), value...), '}')
}

// save writes a record and brings its indexes up to date. before is what was
// loaded from the same key; nil for a new record.
func save(tx storage.Tx, before, after record) error {
	value, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("write record %s: %w", after.key(), err)
	}
	if err := tx.Put(after.key(), value); err != nil {
		return err
	}
	var stale []string
	if before != nil {
		stale = before.indexes()
	}
	fresh := after.indexes()
	for _, index := range stale {
		if slices.Contains(fresh, index) {
			continue
		}
		if err := tx.Delete(index); err != nil {
			return err
		}
	}
	for _, index := range fresh {
		if slices.Contains(stale, index) {
			continue
		}
		if err := tx.Put(index, []byte(after.key())); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a record and its indexes.
func remove(tx storage.Tx, r record) error {
	for _, at := range append(r.indexes(), r.key()) {
		if err := tx.Delete(at); err != nil {
			return err
		}
	}
	return nil
}

// count says how many keys begin with a prefix, up to most.
func count(tx storage.Tx, prefix string, most int) (int, error) {
	n := 0
	for _, err := range tx.Scan(prefix, storage.PrefixEnd(prefix), false) {
		if err != nil {
			return 0, err
		}
		if n++; n >= most {
			break
		}
	}
	return n, nil
}

type workspaceRecord struct {
	ID      string                          `json:"id"`
	Company alipayplus.BusinessRegistration `json:"company"`
}

func workspaceKey(id string) string          { return key("workspace", id) }
func (r *workspaceRecord) key() string       { return workspaceKey(r.ID) }
func (r *workspaceRecord) indexes() []string { return nil }

type memberRecord struct {
	Member
	// Enrolled distinguishes a member from one of the same name before.
	Enrolled string `json:"enrolled,omitempty"`
}

func memberKey(workspace, name string) string { return key("member", workspace, name) }
func (r *memberRecord) key() string           { return memberKey(r.WorkspaceID, r.Name) }
func (r *memberRecord) indexes() []string     { return nil }

// clientKey is a public key of a client id, in PEM.
type clientKey struct {
	Version   string `json:"keyVersion"`
	PublicKey []byte `json:"publicKey"`
}

// clientRecord is a credential: whose it is, and its public keys.
type clientRecord struct {
	ClientID string `json:"clientId"`
	// clientKey is the newest key.
	clientKey
	// Former are the keys before it that are still good, newest first.
	Former []clientKey `json:"former,omitempty"`
	// Versions is how many keys there have been, the first one not counted.
	Versions  int              `json:"versions,omitempty"`
	Workspace string           `json:"workspace,omitempty"`
	Member    string           `json:"member,omitempty"`
	Party     alipayplus.Party `json:"party,omitempty"`
	// InProcess says that the key is the platform's own; such a credential is
	// good for nothing that comes over a network.
	InProcess bool `json:"inProcess,omitempty"`
}

func clientRecordKey(id string) string    { return key("client", id) }
func (r *clientRecord) key() string       { return clientRecordKey(r.ClientID) }
func (r *clientRecord) indexes() []string { return nil }

// keyOf is the key of a version; without a version, the newest.
func (r *clientRecord) keyOf(version string) (clientKey, bool) {
	for _, k := range r.keys() {
		if version == "" || k.Version == version {
			return k, true
		}
	}
	return clientKey{}, false
}

// keys are all that are good, newest first.
func (r *clientRecord) keys() []clientKey { return append([]clientKey{r.clientKey}, r.Former...) }

type programRecord struct {
	alipayplus.Program
	Workspace string `json:"workspace"`
	Sort      string `json:"sort"`
}

func programKey(workspace, id string) string { return key("program", workspace, id) }
func (r *programRecord) key() string         { return programKey(r.Workspace, r.ID) }
func (r *programRecord) indexes() []string {
	return append(useKeys(r.Workspace, "program/"+r.ID, append(r.Configuration.AlipayCN.FileIDs(), r.LogoFileID)...), key("i/program", r.Workspace, "all", r.Sort))
}

type versionRecord struct {
	alipayplus.Version
	Workspace string `json:"workspace"`
	Sort      string `json:"sort"`
}

func versionKey(workspace, program string, number alipayplus.VersionNumber) string {
	return key("version", workspace, program, number.String())
}
func (r *versionRecord) key() string { return versionKey(r.Workspace, r.ProgramID, r.Number) }
func (r *versionRecord) indexes() []string {
	return append(useKeys(r.Workspace, "version/"+r.ProgramID+"/"+r.Number.String(), r.FileID), key("i/version", r.Workspace, r.ProgramID, "all", r.Sort))
}

type fileRecord struct {
	alipayplus.File
	Workspace string `json:"workspace"`
	// Due is when it is removed, unless something names it; zero: never.
	Due time.Time `json:"due,omitzero"`
}

func fileKey(workspace, id string) string    { return key("file", workspace, id) }
func contentKey(workspace, id string) string { return key("content", workspace, id) }
func (r *fileRecord) key() string            { return fileKey(r.Workspace, r.ID) }
func (r *fileRecord) indexes() []string {
	if r.Due.IsZero() {
		return nil
	}
	return []string{key("i/unused", r.Workspace, fmt.Sprintf("%020d", r.Due.UnixNano()), r.ID)}
}

// useKeys are the indexes by which a file is known to be named by a record. A record
// that names files has them for each.
func useKeys(workspace, by string, files ...string) []string {
	var keys []string
	for _, file := range files {
		if file != "" {
			keys = append(keys, key("i/use", workspace, file, by))
		}
	}
	return keys
}

// storageRecord is what the files of a workspace take.
type storageRecord struct {
	Workspace string `json:"workspace"`
	Bytes     int64  `json:"bytes"`
}

func storageKey(workspace string) string   { return key("storage", workspace) }
func (r *storageRecord) key() string       { return storageKey(r.Workspace) }
func (r *storageRecord) indexes() []string { return nil }

type releaseRecord struct {
	alipayplus.Release
	Workspace string `json:"workspace"`
	Sort      string `json:"sort"`
	// RequestedRatio is the highest ratio that the target app was asked for, whatever
	// came of it.
	RequestedRatio alipayplus.Ratio `json:"announced,omitempty"`
	// Unresolved is the operation that the target app was asked for and whose outcome
	// is not known, or not yet; empty when there is none.
	Unresolved string `json:"unresolved,omitempty"`
	// AppliedFor says that the target app was asked for a review and refused it. It may know
	// the version all the same, by an application of unknown outcome or by somebody else's.
	AppliedFor bool `json:"appliedFor,omitempty"`
	// Replaced is the key of the release that was fully released until this one was; empty
	// when none was.
	Replaced string `json:"replaced,omitempty"`
}

func releaseKey(workspace, id string) string { return key("release", workspace, id) }
func (r *releaseRecord) key() string         { return releaseKey(r.Workspace, r.ID) }
func (r *releaseRecord) indexes() []string {
	program, target, status := r.ProgramID, string(r.TargetApp), string(r.Status)
	keys := []string{
		key("i/release", r.Workspace, "all", r.Sort),
		key("i/release", r.Workspace, "program="+program, r.Sort),
		key("i/release", r.Workspace, "status="+status, r.Sort),
		r.versionSlot(),
		releaseIDKey(r.ID),
		key("i/standing", r.Workspace, program, target, status, r.ID),
	}
	keys = append(keys, useKeys(r.Workspace, "release/"+r.ID, r.Configuration.AlipayCN.FileIDs()...)...)
	if r.Status != alipayplus.ReleaseCanceled {
		keys = append(keys, key("i/going", r.Workspace, target, program, r.ID))
	}
	return keys
}

// releaseIDKey leads to a release, whosever it is.
func releaseIDKey(id string) string { return key("i/release-by-id", id) }

func (r *releaseRecord) place() (workspace, program string) { return r.Workspace, r.ProgramID }

// versionSlot is taken for good: a version goes to a target once.
func (r *releaseRecord) versionSlot() string {
	return key("i/once", r.Workspace, r.ProgramID, string(r.TargetApp), r.Version.String())
}

type serviceRecord struct {
	alipayplus.Service
	Workspace string `json:"workspace"`
	Sort      string `json:"sort"`
}

func serviceKey(workspace, id string) string { return key("service", workspace, id) }
func (r *serviceRecord) key() string         { return serviceKey(r.Workspace, r.ID) }
func (r *serviceRecord) indexes() []string {
	keys := []string{
		key("i/service", r.Workspace, "all", r.Sort),
		key("i/service", r.Workspace, "status="+string(r.Status), r.Sort),
	}
	if r.Status == alipayplus.ServiceOnline {
		keys = append(keys, marketIDKey(r.ID), marketPrefix+r.Sort)
	}
	for _, file := range r.Images() {
		keys = append(keys, useKeys(r.Workspace, "service/"+r.ID, file)...)
	}
	if r.Revision != nil {
		for _, file := range r.Revision.Images() {
			keys = append(keys, useKeys(r.Workspace, "service/"+r.ID, file)...)
		}
	}
	return keys
}

// What is in the Service Market is found by everybody, and only while it is ONLINE.
const marketPrefix = "i/market/all/"

func marketIDKey(service string) string { return key("i/market-by-id", service) }

// orderRecord is kept in the merchant's workspace.
type orderRecord struct {
	alipayplus.Order
	// Side hides that of the order, which depends on who asks and is not stored.
	Side      *struct{} `json:"side,omitempty"`
	Workspace string    `json:"workspace"`
	// ProviderWorkspace is the workspace of the service.
	ProviderWorkspace string `json:"providerWorkspace"`
	// Enrolled distinguishes the assigned members from later ones of the same names.
	Enrolled map[string]string `json:"enrolled,omitempty"`
	Sort     string            `json:"sort"`
}

func (r *orderRecord) key() string { return key("order", r.Workspace, r.ID) }
func (r *orderRecord) indexes() []string {
	var keys []string
	for _, side := range []alipayplus.OrderSide{alipayplus.SideMerchant, alipayplus.SideProvider} {
		workspace := r.workspaceOf(side)
		keys = append(
			keys, orderIDKey(workspace, r.ID),
			key("i/order", workspace, "all", r.Sort),
			key("i/order", workspace, "side="+string(side), r.Sort),
			key("i/order", workspace, "status="+string(r.Status), r.Sort),
		)
	}
	if r.GivesAccess() {
		keys = append(keys, accessPrefix(r.ProviderWorkspace, r.ProgramID)+r.ID)
	}
	return keys
}

// orderIDKey leads to an order for the workspaces that it is about, and for no other.
func orderIDKey(workspace, id string) string { return key("i/order-by-id", workspace, id) }

// accessPrefix leads to the orders by which a provider has access to a mini program.
func accessPrefix(provider, program string) string { return key("i/access", provider, program) + "/" }

func (r *orderRecord) workspaceOf(side alipayplus.OrderSide) string {
	if side == alipayplus.SideProvider {
		return r.ProviderWorkspace
	}
	return r.Workspace
}

// companyOf is the company's name of a side.
func (r *orderRecord) companyOf(side alipayplus.OrderSide) string {
	if side == alipayplus.SideProvider {
		return r.Provider
	}
	return r.Merchant
}

type requestRecord struct {
	alipayplus.Request
	Workspace string `json:"workspace"`
	Sort      string `json:"sort"`
	// Due are the verdicts that an AutoReview has decided and that time will bring.
	Due map[alipayplus.Party]dueVerdict `json:"due,omitempty"`
}

// submissionRecord is what a request is about, beside it: lists read many requests.
type submissionRecord struct {
	alipayplus.Submission
	At string `json:"key"`
}

func submissionKey(workspace, request string) string { return key("submission", workspace, request) }
func (r *submissionRecord) key() string              { return r.At }
func (r *submissionRecord) indexes() []string        { return nil }

type dueVerdict struct {
	At     time.Time               `json:"at"`
	Status alipayplus.ReviewStatus `json:"status"`
	Reason string                  `json:"reason,omitempty"`
	// Pictures are those of the target app, see [alipayplus.Review].
	Pictures []string `json:"pictures,omitempty"`
	// observed says that it comes from the target app itself.
	observed bool
}

// requestIDKey leads to a request, whosever it is.
func requestIDKey(id string) string { return key("i/request-by-id", id) }

func (r *requestRecord) place() (workspace, program string) { return r.Workspace, r.ProgramID }

func requestKey(workspace, id string) string { return key("request", workspace, id) }
func (r *requestRecord) key() string         { return requestKey(r.Workspace, r.ID) }
func (r *requestRecord) indexes() []string {
	keys := []string{
		key("i/request", r.Workspace, "all", r.Sort),
		key("i/request", r.Workspace, "status="+string(r.Status), r.Sort),
		key("i/request", r.Workspace, "category="+string(r.Category), r.Sort),
		requestIDKey(r.ID),
	}
	for _, review := range r.Reviews {
		if review.Status != alipayplus.ReviewPending {
			continue
		}
		keys = append(keys, key("i/waiting", string(review.Party), "all", r.Sort))
		if due, ok := r.Due[review.Party]; ok {
			keys = append(keys, dueKey(due.At, r.ID, review.Party))
		}
	}
	return keys
}

// dueKey sorts verdicts by when they take effect.
func dueKey(at time.Time, request string, party alipayplus.Party) string {
	return key("i/due", fmt.Sprintf("%020d", at.UnixNano()), request, string(party))
}

type authorizationRecord struct {
	alipayplus.Authorization
	Workspace string `json:"workspace"`
	// Visits are the pages that were given out last, oldest first, so that each can
	// say what became of it.
	Visits []visit `json:"visits,omitempty"`
}

// visit is one authorization page that was given out.
type visit struct {
	State     string    `json:"state"`
	ExpiresAt time.Time `json:"expiresAt"`
	// Selected says that the mini program was selected on the page, which comes before
	// the confirmation.
	Selected bool `json:"selected,omitempty"`
	// End is what became of it; visitOpen as long as it can be used.
	End visitEnd `json:"end,omitempty"`
}

// visitEnd is what became of a visit.
type visitEnd string

const (
	visitOpen     visitEnd = ""
	visitGranted  visitEnd = "GRANTED"
	visitDeclined visitEnd = "DECLINED"
	visitRevoked  visitEnd = "REVOKED"
	visitReplaced visitEnd = "REPLACED"
	visitExpired  visitEnd = "EXPIRED"
	// visitUnknown is that of a state that was never given out, or too long ago.
	visitUnknown visitEnd = "UNKNOWN"
)

func authorizationKey(workspace, program string, target alipayplus.TargetApp) string {
	return key("authorization", workspace, program, string(target))
}

func (r *authorizationRecord) key() string {
	return authorizationKey(r.Workspace, r.ProgramID, r.TargetApp)
}

// indexes: the states of the visits lead to the authorization.
func (r *authorizationRecord) indexes() []string {
	var keys []string
	for _, v := range r.Visits {
		keys = append(keys, stateKey(v.State))
	}
	return keys
}

// opened adds a visit, and forgets the oldest ones.
func (r *authorizationRecord) opened() {
	const kept = 8
	r.Visits = append(slices.Clone(r.Visits), visit{State: r.State, ExpiresAt: r.ExpiresAt})
	r.Visits = r.Visits[max(0, len(r.Visits)-kept):]
}

// ended notes what became of the visits that are in a state.
func (r *authorizationRecord) ended(from, to visitEnd) {
	r.Visits = slices.Clone(r.Visits)
	for i := range r.Visits {
		if r.Visits[i].End == from {
			r.Visits[i].End = to
		}
	}
}

func stateKey(state string) string { return key("i/state", state) }
