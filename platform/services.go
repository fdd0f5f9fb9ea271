package platform

import (
	"reflect"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

func createService(c *call, in alipayplus.CreateServiceInput) (*alipayplus.Service, error) {
	if err := c.may(alipayplus.ActionManageServices, ""); err != nil {
		return nil, err
	}
	images, err := c.checkDescription(in.ServiceDescription)
	if err != nil {
		return nil, err
	}
	company, err := c.company()
	if err != nil {
		return nil, err
	}
	r := &serviceRecord{Workspace: c.workspace(), Sort: c.p.sortKey(c.at), Service: alipayplus.Service{
		ID: newID("svc_"), ServiceDescription: in.ServiceDescription, ImageBytes: images, Company: company.Company,
		Status: alipayplus.ServiceDraft, CreatedBy: c.who(), CreatedAt: c.at, UpdatedAt: c.at,
	}}
	c.save(nil, r)
	c.audit("service", r.ID, "", string(r.Status), "")
	return &r.Service, nil
}

// createPolicy has a new description checked by the platform's own policy; the
// default one would refuse what the platform announces as allowed.
func createPolicy(p *Platform, in *alipayplus.CreateServiceInput) { in.Policy = &p.cfg.services }

// updatePolicy is createPolicy for a changed description.
func updatePolicy(p *Platform, in *alipayplus.UpdateServiceInput) { in.Policy = &p.cfg.services }

// checkDescription checks by the platform's policy, and that every image was uploaded.
// It returns how many bytes the images take.
func (c *call) checkDescription(d alipayplus.ServiceDescription) (bytes int64, err error) {
	if err := c.p.cfg.services.Check(d); err != nil {
		return 0, err
	}
	counted := map[string]bool{}
	var broken []alipayplus.FieldError
	for path, id := range d.Images() {
		file, err := load[fileRecord](c.tx, fileKey(c.workspace(), id))
		if err != nil {
			return 0, err
		}
		if file != nil && !counted[id] {
			bytes += file.Size
			counted[id] = true
		}
		if file == nil || file.ContentType == alipayplus.ContentZip {
			broken = append(broken, alipayplus.FieldError{Path: path, Message: "names no uploaded image; upload it first"})
		}
	}
	if len(broken) > 0 {
		return 0, &alipayplus.ValidationError{Subject: "service", Fields: broken}
	}
	return bytes, nil
}

// serviceFor reads a service of the caller's workspace for an action.
func (c *call) serviceFor(action alipayplus.Action, id string) (*serviceRecord, error) {
	if err := c.may(action, ""); err != nil {
		return nil, err
	}
	return find[serviceRecord](c, "service", id, serviceKey(c.workspace(), id))
}

func (c *call) changeService(before, r *serviceRecord, note string) *alipayplus.Service {
	r.UpdatedAt = c.at
	c.save(before, r)
	c.audit("service", r.ID, string(before.Status), string(r.Status), note)
	return &r.Service
}

func (r *serviceRecord) move(to alipayplus.ServiceStatus, what string) error {
	if !r.Status.CanBecome(to) {
		return conflict("service %s is %s and cannot be %s", r.ID, r.Status, what)
	}
	r.Status = to
	return nil
}

func updateService(c *call, in alipayplus.UpdateServiceInput) (*alipayplus.Service, error) {
	r, err := c.serviceFor(alipayplus.ActionManageServices, in.ServiceID)
	if err != nil {
		return nil, err
	}
	revises := r.Status == alipayplus.ServiceOnline
	if !revises && !r.Status.Editable() {
		return nil, conflict("service %s is %s and cannot be edited", r.ID, r.Status)
	}
	if revises && r.Revision != nil && !r.Revision.Status.Editable() {
		return nil, conflict("the revision of service %s is %s; withdraw it to edit it", r.ID, r.Revision.Status)
	}
	images, err := c.checkDescription(in.ServiceDescription)
	if err != nil {
		return nil, err
	}
	before := new(*r)
	r.ImageBytes = images
	if revises {
		r.revise(in.ServiceDescription, c.at)
		return c.changeService(before, r, "revised"), nil
	}
	r.ServiceDescription = in.ServiceDescription
	return c.changeService(before, r, "changed"), nil
}

// revise changes the text of a service that is online, which stays as it is until the
// change is approved.
func (r *serviceRecord) revise(to alipayplus.ServiceDescription, at time.Time) {
	if reflect.DeepEqual(to, r.ServiceDescription) {
		r.Revision = nil
		return
	}
	revision := alipayplus.ServiceRevision{Status: alipayplus.ServiceDraft}
	if r.Revision != nil {
		revision = *r.Revision
	}
	revision.ServiceDescription, revision.UpdatedAt = to, at
	r.Revision = &revision
}

// moveRevision changes the status of a revision as a service's.
func (r *serviceRecord) moveRevision(to alipayplus.ServiceStatus, what string, at time.Time) error {
	revision := *r.Revision
	if !revision.Status.CanBecome(to) {
		return conflict("the revision of service %s is %s and cannot be %s", r.ID, revision.Status, what)
	}
	revision.Status, revision.UpdatedAt = to, at
	r.Revision = &revision
	return nil
}

// hasRevision says whether what is submitted and withdrawn is a revision.
func (r *serviceRecord) hasRevision() bool {
	return r.Status == alipayplus.ServiceOnline && r.Revision != nil
}

func submitService(c *call, in alipayplus.ServiceInput) (*alipayplus.Service, error) {
	r, err := c.serviceFor(alipayplus.ActionManageServices, in.ServiceID)
	if err != nil {
		return nil, err
	}
	company, err := c.company()
	if err != nil {
		return nil, err
	}
	before := new(*r)
	submission := alipayplus.Submission{Service: &before.ServiceDescription, Company: &company.Company}
	title, former, note := "Release service ", r.ReleaseRequestID, ""
	if r.hasRevision() {
		err = r.moveRevision(alipayplus.ServicePendingReview, "submitted", c.at)
		submission.Service, submission.Online = &r.Revision.ServiceDescription, &before.ServiceDescription
		title, former, note = "Revise service ", r.Revision.ReleaseRequestID, "revision submitted"
	} else {
		err = r.move(alipayplus.ServicePendingReview, "submitted")
	}
	if err != nil {
		return nil, err
	}
	if r.ImageBytes, err = c.checkDescription(*submission.Service); err != nil {
		return nil, err
	}
	request := c.openRequest(alipayplus.Request{
		Title: title + submission.Service.Name, Category: alipayplus.CategoryServiceRelease, ServiceID: r.ID,
	}, submission, former, []alipayplus.Party{alipayplus.PartyAlipayPlus})
	if r.hasRevision() {
		r.Revision.ReleaseRequestID = request.ID
	} else {
		r.ReleaseRequestID = request.ID
	}
	return c.changeService(before, r, note), nil
}

func withdrawService(c *call, in alipayplus.ServiceInput) (*alipayplus.Service, error) {
	r, err := c.serviceFor(alipayplus.ActionManageServices, in.ServiceID)
	if err != nil {
		return nil, err
	}
	before := new(*r)
	request, note := r.ReleaseRequestID, ""
	if r.hasRevision() {
		err = r.moveRevision(alipayplus.ServiceWithdrawn, "withdrawn", c.at)
		request, note = r.Revision.ReleaseRequestID, "revision withdrawn"
	} else {
		err = r.move(alipayplus.ServiceWithdrawn, "withdrawn")
	}
	if err != nil {
		return nil, err
	}
	if _, err := c.closeRequest(request); err != nil {
		return nil, err
	}
	return c.changeService(before, r, note), nil
}

func archiveService(c *call, in alipayplus.ServiceInput) (*alipayplus.Service, error) {
	r, err := c.serviceFor(alipayplus.ActionManageServices, in.ServiceID)
	if err != nil {
		return nil, err
	}
	before := new(*r)
	if err := r.move(alipayplus.ServiceArchived, "archived"); err != nil {
		return nil, err
	}
	if r.Revision != nil && r.Revision.Status == alipayplus.ServicePendingReview {
		if _, err := c.closeRequest(r.Revision.ReleaseRequestID); err != nil {
			return nil, err
		}
	}
	r.Revision = nil
	return c.changeService(before, r, ""), nil
}

func queryService(c *call, in alipayplus.ServiceInput) (*alipayplus.Service, error) {
	r, err := c.serviceFor(alipayplus.ActionView, in.ServiceID)
	if err != nil {
		return nil, err
	}
	return &r.Service, nil
}

func listServices(c *call, in alipayplus.ListServicesInput) (*page, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	by := "all"
	if in.Status != "" {
		by = "status=" + string(in.Status)
	}
	return listing{prefix: key("i/service", c.workspace(), by) + "/", opts: in.ListOptions}.page(c.tx)
}
