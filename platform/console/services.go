package console

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// services are those of the workspace, by status.
func (v *visit) services() error {
	in := alipayplus.ListServicesInput{ListOptions: v.options(), Status: alipayplus.ServiceStatus(v.r.URL.Query().Get("status"))}
	found, err := v.client.Services.List(v.ctx(), in)
	if err != nil {
		return err
	}
	return v.show("services", "services.title", struct {
		In       alipayplus.ListServicesInput
		Statuses []alipayplus.ServiceStatus
		Services []*alipayplus.Service
		Next     string
	}{in, []alipayplus.ServiceStatus{
		alipayplus.ServiceDraft, alipayplus.ServicePendingReview, alipayplus.ServiceOnline,
		alipayplus.ServiceTurnedDown, alipayplus.ServiceWithdrawn, alipayplus.ServiceArchived,
	}, found.Items, v.next(found.NextCursor)})
}

// service shows a service as merchants see it, and what may be done with it.
func (v *visit) service() error {
	s, err := v.client.Services.Get(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	status := s.Status // of what is submitted and withdrawn
	if s.Status == alipayplus.ServiceOnline && s.Revision != nil {
		status = s.Revision.Status
	}
	return v.show("service", "service.title", struct {
		*alipayplus.Service
		Can map[string]bool
	}{s, map[string]bool{
		"edit":            status.Editable() || s.Status == alipayplus.ServiceOnline && status != alipayplus.ServicePendingReview,
		"submit":          status.CanBecome(alipayplus.ServicePendingReview),
		"withdrawservice": status.CanBecome(alipayplus.ServiceWithdrawn),
		"archive":         s.Status.CanBecome(alipayplus.ServiceArchived),
	}})
}

func (v *visit) serviceStep() error {
	id := v.r.PathValue("id")
	do, has := map[string]func(context.Context, alipayplus.ServiceInput) (*alipayplus.Service, error){
		"submit": v.client.Services.Submit, "withdrawservice": v.client.Services.Withdraw, "archive": v.client.Services.Archive,
	}[v.r.PathValue("step")]
	if !has {
		return v.nothing()
	}
	_, err := do(v.ctx(), alipayplus.ServiceInput{ServiceID: id, RequestID: v.requestID()})
	return v.done(err, "services/"+id, v.service)
}

// editor is the form of a service. It lives in the browser alone: each button sends it
// whole, and gets it back changed, so that it needs no script.
type editor struct {
	// ID is the service; empty for one that is created.
	ID          string
	Description alipayplus.ServiceDescription
	Policy      alipayplus.ServicePolicy
	// Apps are those to choose from.
	Apps []alipayplus.TargetApp
	// Company comes from sign-up, and is shown beside what is entered.
	Company alipayplus.BusinessRegistration
	// Preview says that the service is shown as merchants would see it.
	Preview bool
	// Action is where the form is sent, below the console.
	Action string
}

// sectionsOf are the contents of a service by the names of their fields, in their order.
func sectionsOf(d *alipayplus.ServiceDescription) []section {
	return []section{
		{"paymentInformation", &d.PaymentInformation}, {"details", &d.Details}, {"tutorial", &d.Tutorial}, {"successStory", &d.SuccessStory},
	}
}

type section struct {
	Field   string
	Content *alipayplus.Content
}

// Sections are those of the service that is edited.
func (e *editor) Sections() []section { return sectionsOf(&e.Description) }

// Chosen says whether the service applies to an app.
func (e *editor) Chosen(app alipayplus.TargetApp) bool {
	return slices.Contains(e.Description.ApplicableApps, app)
}

// newService is the form for a service that is created.
func (v *visit) newService() error {
	return v.edit(&editor{Action: "services", Description: alipayplus.ServiceDescription{
		Type: alipayplus.ServiceMiniProgramDevelopment, PaymentInformation: alipayplus.Content{alipayplus.TextBlock("")},
	}})
}

// editService is the form of a service as it is, or of its revision.
func (v *visit) editService() error {
	s, err := v.client.Services.Get(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	e := &editor{ID: s.ID, Action: "services/" + s.ID, Description: s.ServiceDescription}
	if s.Revision != nil {
		e.Description = s.Revision.ServiceDescription
	}
	return v.edit(e)
}

// edit shows the form.
func (v *visit) edit(e *editor) error {
	workspace, err := v.client.Workspace.Get(v.ctx())
	if err != nil {
		return err
	}
	e.Policy, e.Company = workspace.ServicePolicy, workspace.Company
	e.Apps = slices.Clone(e.Policy.Apps)
	if len(e.Apps) == 0 {
		for _, target := range workspace.Targets {
			e.Apps = append(e.Apps, target.App)
		}
	}
	for _, app := range e.Description.ApplicableApps {
		if !slices.Contains(e.Apps, app) {
			e.Apps = append(e.Apps, app)
		}
	}
	title := "editor.title"
	if e.ID == "" {
		title = "service.create"
	}
	return v.show("editor", title, e)
}

// saveService takes the form: it saves the service, or shows the form again with what its
// buttons change.
func (v *visit) saveService() error {
	e := &editor{ID: v.r.PathValue("id"), Action: "services"}
	if e.ID != "" {
		e.Action += "/" + e.ID
	}
	if err := v.readService(&e.Description); err != nil {
		return v.done(err, "", func() error { return v.edit(e) })
	}
	switch do := v.posted("do"); do {
	case "save":
		saved, err := v.save(e)
		to := ""
		if err == nil {
			to = "services/" + saved.ID
		}
		return v.done(err, to, func() error { return v.edit(e) })
	case "preview":
		e.Preview = true
	default:
		change(&e.Description, do)
	}
	return v.edit(e)
}

func (v *visit) save(e *editor) (*alipayplus.Service, error) {
	if e.ID == "" {
		return v.client.Services.Create(v.ctx(), alipayplus.CreateServiceInput{
			ServiceDescription: e.Description, Policy: v.policy(), RequestID: v.requestID(),
		})
	}
	return v.client.Services.Update(v.ctx(), alipayplus.UpdateServiceInput{
		ServiceID: e.ID, ServiceDescription: e.Description, Policy: v.policy(), RequestID: v.requestID(),
	})
}

// policy is the one that the platform announces; nil, which is the default one, when it
// cannot be read: the platform enforces its own.
func (v *visit) policy() *alipayplus.ServicePolicy {
	workspace, err := v.client.Workspace.Get(v.ctx())
	if err != nil {
		return nil
	}
	return &workspace.ServicePolicy
}

// The most that a form may hold; the platform's own limits are lower.
const (
	mostBlocks = 200
	mostRows   = 500
	mostCells  = 50
)

// readService reads the form. Pictures that were chosen are uploaded, so that the form
// holds their ids from then on.
func (v *visit) readService(d *alipayplus.ServiceDescription) (err error) {
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	d.Name, d.Industry, d.Type = v.posted("name"), v.posted("industry"), alipayplus.ServiceType(v.posted("type"))
	d.Description = v.posted("description")
	for _, app := range v.r.PostForm["applicableApps"] {
		d.ApplicableApps = append(d.ApplicableApps, alipayplus.TargetApp(app))
	}
	if d.ImageFileID, err = v.image("imageFileId"); err != nil {
		return err
	}
	for _, s := range sectionsOf(d) {
		for i := range v.number(s.Field+".n", mostBlocks) {
			block, err := v.block(fmt.Sprintf("%s.%d", s.Field, i))
			if err != nil {
				return err
			}
			*s.Content = append(*s.Content, block)
		}
	}
	return nil
}

// block reads one block of content.
func (v *visit) block(at string) (alipayplus.Block, error) {
	switch kind := alipayplus.BlockType(v.posted(at + ".type")); kind {
	case alipayplus.BlockImage:
		id, err := v.image(at)
		return alipayplus.ImageBlock(id, v.posted(at+".description")), err
	case alipayplus.BlockTable:
		columns := v.number(at+".columns", mostCells)
		row := func(name string) []string {
			cells := make([]string, columns)
			for i := range cells {
				cells[i] = v.posted(fmt.Sprintf("%s.%s.%d", at, name, i))
			}
			return cells
		}
		table := alipayplus.TableBlock(row("h"))
		for i := range v.number(at+".rows", mostRows) {
			table.Table.Rows = append(table.Table.Rows, row(strconv.Itoa(i)))
		}
		return table, nil
	default:
		return alipayplus.TextBlock(v.posted(at + ".text")), nil
	}
}

// image is the picture of a field: the one that was chosen now, or else before.
func (v *visit) image(at string) (id string, err error) {
	content, err := v.uploaded(at + ".file")
	if err != nil || len(content) == 0 {
		return v.posted(at), err
	}
	file, err := v.client.Files.Upload(v.ctx(), alipayplus.UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content))})
	if err != nil {
		return v.posted(at), err
	}
	return file.ID, nil
}

// number is a number of the form, 0 to most.
func (v *visit) number(field string, most int) int {
	n, _ := strconv.Atoi(v.posted(field)) // what is no number counts nothing
	return min(max(n, 0), most)
}

// change does what a button of the form says: "details.2.up". What makes no sense changes
// nothing.
func change(d *alipayplus.ServiceDescription, button string) {
	words := strings.Split(button, ".")
	i := slices.IndexFunc(sectionsOf(d), func(s section) bool { return s.Field == words[0] })
	if i < 0 || len(words) < 2 {
		return
	}
	content := sectionsOf(d)[i].Content
	if len(words) == 2 {
		addBlock(content, words[1])
		return
	}
	at, err := strconv.Atoi(words[1])
	if err != nil || at < 0 || at >= len(*content) {
		return
	}
	switch block := (*content)[at]; words[2] {
	case "remove":
		*content = slices.Delete(*content, at, at+1)
	case "up":
		if at > 0 {
			(*content)[at-1], (*content)[at] = (*content)[at], (*content)[at-1]
		}
	default:
		if block.Table != nil {
			changeTable(block.Table, words[2])
		}
	}
}

func addBlock(content *alipayplus.Content, kind string) {
	if len(*content) >= mostBlocks {
		return
	}
	switch kind {
	case "text":
		*content = append(*content, alipayplus.TextBlock(""))
	case "image":
		*content = append(*content, alipayplus.ImageBlock("", ""))
	case "table":
		*content = append(*content, alipayplus.TableBlock([]string{"", ""}, []string{"", ""}))
	}
}

func changeTable(t *alipayplus.Table, what string) {
	switch what {
	case "addrow":
		if len(t.Rows) < mostRows {
			t.Rows = append(t.Rows, make([]string, len(t.Header)))
		}
	case "droprow":
		t.Rows = t.Rows[:max(0, len(t.Rows)-1)]
	case "addcolumn":
		if len(t.Header) < mostCells {
			t.Header = append(t.Header, "")
			for i := range t.Rows {
				t.Rows[i] = append(t.Rows[i], "")
			}
		}
	case "dropcolumn":
		if last := len(t.Header) - 1; last > 0 {
			t.Header = t.Header[:last]
			for i := range t.Rows {
				t.Rows[i] = t.Rows[i][:last]
			}
		}
	}
}
