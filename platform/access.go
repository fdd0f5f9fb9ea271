package platform

import (
	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// actFor resolves, on every call, whose records a call about a mini program is about: the
// caller's own workspace, or the merchant's whose order gives the caller's workspace
// access to exactly this mini program. Nothing else leads out of the caller's workspace.
// Whether the caller itself may act there, may decides.
func (c *call) actFor(programID string) error {
	c.order = nil
	_, own, err := c.tx.Get(programKey(c.home(), programID))
	if err != nil || own {
		return err
	}
	prefix := accessPrefix(c.home(), programID)
	for entry, err := range c.tx.Scan(prefix, storage.PrefixEnd(prefix), false) {
		if err != nil {
			return err
		}
		order, err := resolve[orderRecord](c.tx, string(entry.Value))
		if err != nil {
			return err
		}
		// The index only finds; the order decides: of several, one to which the caller is assigned.
		if order.GivesAccess() && order.ProviderWorkspace == c.home() && order.ProgramID == programID {
			if c.order == nil || order.assigns(c.caller) {
				c.order = order
			}
			if c.order.assigns(c.caller) {
				return nil
			}
		}
	}
	return nil
}

// placed is a record that belongs to a workspace and a mini program.
type placed[R any] interface {
	*R
	place() (workspace, program string)
}

// actingFind reads a record of the caller's own workspace, or of a mini program for whose
// merchant the caller's workspace acts: byID leads to it, whosever it is. Any other is
// refused in the same words as one that is not there.
func actingFind[R any, P placed[R]](c *call, what, id, own, byID string) (*R, error) {
	c.order = nil
	if r, err := load[R](c.tx, own); err != nil || r != nil {
		return r, err
	}
	at, found, err := c.tx.Get(byID)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, notFound(what, id)
	}
	r, err := resolve[R](c.tx, string(at))
	if err != nil {
		return nil, err
	}
	workspace, program := P(r).place()
	if err := c.actFor(program); err != nil {
		return nil, err
	}
	if c.order == nil || c.workspace() != workspace {
		c.order = nil
		return nil, notFound(what, id)
	}
	return r, nil
}

// mayViewFor lets a list be about a merchant's mini program.
func (c *call) mayViewFor(programID string) error {
	if err := c.actFor(programID); err != nil {
		return err
	}
	return c.may(alipayplus.ActionView, programID)
}

// mayStill says whether the caller may do again what a call of it needed before.
func (c *call) mayStill(needed permission) error {
	c.order = nil
	if needed.ByOrder {
		if err := c.actFor(needed.ProgramID); err != nil {
			return err
		}
		if c.order == nil {
			return notFound("mini program", needed.ProgramID)
		}
	}
	return c.may(needed.Action, needed.ProgramID)
}
