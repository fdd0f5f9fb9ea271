package alipaycn

import (
	"context"
	"slices"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// QRCodesClient makes QR codes of the mini program, and binds ordinary ones to
// it. Every error is an [Error].
type QRCodesClient struct{ c *Client }

// Create makes a QR code (alipay.open.app.qrcode.create) in three pictures. Each
// call makes a new one, so that a lost answer is never looked into: the error
// matches [alipayplus.ErrOutcomeUnknown], and another call does no harm.
func (q *QRCodesClient) Create(ctx context.Context, in CreateQRCodeInput) (*QRCode, error) {
	got := new(QRCode)
	if err := q.c.write(ctx, safeWrite{op: cnwire.QRCodeCreate, in: in, got: got}); err != nil {
		return nil, err
	}
	return got, nil
}

// Bind makes an ordinary QR code open the mini program (alipay.open.mini.qrcode.bind).
// It reads the rules before, to know afterwards what it did.
func (q *QRCodesClient) Bind(ctx context.Context, in BindQRCodeInput) (*BoundQRCode, error) {
	if err := check(cnwire.QRCodeBind, in); err != nil {
		return nil, err
	}
	before, err := q.all(ctx)
	fresh := err == nil && !slices.ContainsFunc(before, in.shownBy)
	got := new(BoundQRCode)
	err = q.c.writeChecked(ctx, safeWrite{cnwire.QRCodeBind, in, got, func(ctx context.Context) (effect, string, error) {
		after, err := q.all(ctx)
		if err != nil {
			return effectUnknown, "", err
		}
		seen, rule := provenByBinding(in, after)
		if seen == effectDone && !fresh {
			return effectUnknown, "qrcodes.list shows a rule with the address and mode, perhaps of before", nil
		}
		got.RouteGroup = rule.RouteGroup
		return seen, "qrcodes.list does not show the rule", nil
	}})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// List lists the rules of bound QR codes (alipay.open.mini.qrcode.query), page by page.
func (q *QRCodesClient) List(ctx context.Context, in ListQRCodesInput) (*QRCodeList, error) {
	return read[QRCodeList](ctx, q.c, cnwire.QRCodeList, in)
}

// Unbind removes a rule (alipay.open.mini.qrcode.unbind).
func (q *QRCodesClient) Unbind(ctx context.Context, in UnbindQRCodeInput) error {
	return q.c.write(ctx, safeWrite{cnwire.QRCodeUnbind, in, nil, func(ctx context.Context) (effect, string, error) {
		rules, err := q.all(ctx)
		if err != nil {
			return effectUnknown, "", err
		}
		return provenByUnbinding(in, rules), "qrcodes.list still shows the rule", nil
	}})
}

// all reads all pages. AlipayCN allows 20 rules, which are two pages; a list that
// goes on beyond ten is not believed, and neither is one that changed meanwhile: a
// rule that moved to a page which was read before would be missing in it.
func (q *QRCodesClient) all(ctx context.Context) ([]QRCodeRule, error) {
	const most, pageSize = 10, 10
	var rules []QRCodeRule
	var total Int
	for page := range most {
		list, err := q.List(ctx, ListQRCodesInput{Page: page + 1, PageSize: pageSize})
		if err != nil {
			return nil, err
		}
		if page == 0 {
			total = list.Total
		}
		rules = append(rules, list.Rules...)
		ended := len(list.Rules) == 0 || total > 0 && len(rules) >= int(total)
		switch {
		case list.Total != total, ended && len(rules) < int(total):
			return nil, inconclusive(cnwire.QRCodeList, "the list changed while it was read")
		case ended:
			return rules, nil
		}
	}
	return nil, inconclusive(cnwire.QRCodeList, "the list does not end")
}
