package alipaycnapp

import (
	"errors"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// refusal is one line for the person who called: what was refused, and the way out. It
// matches its class.
type refusal struct {
	class error
	text  string
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.class }

func refuse(class error, format string, args ...any) error {
	return &refusal{class, fmt.Sprintf(format, args...)}
}

// certain makes one line of AlipayCN's answer, which a platform's answer has room for. It
// keeps the class only when it is certain that nothing happened: of anything else the
// platform does not know what came.
func certain(err error) error {
	e, is := errors.AsType[*alipaycn.Error](err)
	switch {
	case !is:
		return err
	case e.OutcomeUnknown:
		return errors.New(e.Error())
	case e.Code == "":
		return err
	}
	says := e.Hint
	if !e.Code.Known() {
		says = e.Message
	}
	return refuse(err, "AlipayCN says %s (trace %s): %s", e.Code, e.TraceID, says)
}

// noTemplate makes a refusal of the configuration out of one for want of its template.
func noTemplate(err error, t *alipayplus.AlipayCNTemplate) error {
	if errors.Is(err, alipayplus.ErrNotFound) {
		return refuse(alipayplus.ErrInvalid, "template %.32q in the release's configuration, or the version of it, is not one of the platform's third-party app at AlipayCN; correct it and apply again", t.ID)
	}
	return err
}
