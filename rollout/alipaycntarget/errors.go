package alipaycntarget

import (
	"errors"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// told tells a runner whether a failure of AlipayCN may pass. It keeps nil.
func told(err error) error {
	e, ok := errors.AsType[*alipaycn.Error](err)
	if !ok || !e.Retryable && !e.OutcomeUnknown {
		return err
	}
	return rollout.TransientAfter(&passing{err}, e.RetryAfter)
}

// passing is a failure that may pass, and no conflict even when AlipayCN's code is one.
// A runner takes a conflict for proof that nothing happened and that somebody else was
// faster, and asks again at once. Neither fits a review or scan that is not finished, and
// an earlier attempt of which nothing is known may have had its effect.
type passing struct{ err error }

func (p *passing) Error() string { return p.err.Error() }

// Is finds every class in the failure but the conflict.
func (p *passing) Is(class error) bool {
	return class != alipayplus.ErrConflict && errors.Is(p.err, class)
}

// As finds every error in the failure.
func (p *passing) As(target any) bool { return errors.As(p.err, target) }
