package alipaycntest

import (
	"fmt"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// experienceReady is the status of a trial version that can be scanned. It is
// made up: AlipayCN documents notExpVersion only.
const experienceReady alipaycn.ExperienceStatus = "expVersionPackaged"

func (g *Gateway) createExperience(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppPackageInfoNotExist)
	switch {
	case err != nil:
		return nil, err
	case v.trial:
		return nil, refuse(alipaycn.CodeCanNotSetExpRepeat, "version %v is the trial version", v.number)
	case !v.online.IsZero():
		return nil, refuse("CAN_NOT_SET_EXP_WITH_ONLINED_STATUS", "version %v was online", v.number)
	case v.status == alipaycn.StatusAuditOffline:
		return nil, refuse("CAN_NOT_SET_EXP_INVALID_STATUS", "version %v is %s", v.number, v.status)
	case v.scan != alipaycn.ScanPassed:
		return nil, refuse("CAN_NOT_SET_WITHOUT_SCAN_PASS", "the scan of version %v says %s", v.number, v.scan)
	}
	for _, other := range c.app.versions {
		if other.bundle == v.bundle {
			other.trial = false
		}
	}
	v.trial = true
	return nil, nil
}

func (g *Gateway) experience(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppPackageInfoNotExist)
	if err != nil {
		return nil, err
	}
	if !v.trial {
		return alipaycn.Experience{Status: alipaycn.ExperienceNone}, nil
	}
	return alipaycn.Experience{
		Status:    experienceReady,
		QRCodeURL: fmt.Sprintf("https://pictures.invalid/trial-%s-%v.png", c.app.id, v.number),
		SchemaURL: fmt.Sprintf("alipays://platformapi/startapp?appId=%s&nbsv=%v", c.app.id, v.number),
	}, nil
}

func (g *Gateway) cancelExperience(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppPackageInfoNotExist)
	if err != nil {
		return nil, err
	}
	if !v.trial {
		return nil, refuse(alipaycn.CodeCanNotCancelExpWithInvalidStatus, "version %v is not the trial version", v.number)
	}
	v.trial = false
	return nil, nil
}
