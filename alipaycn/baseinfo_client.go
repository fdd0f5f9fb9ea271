package alipaycn

import (
	"context"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// BaseInfoClient reads and changes what AlipayCN has saved about the mini
// program. Every error is an [Error].
type BaseInfoClient struct{ c *Client }

// Get reads the saved information (alipay.open.mini.baseinfo.query).
func (b *BaseInfoClient) Get(ctx context.Context) (*BaseInfo, error) {
	return read[BaseInfo](ctx, b.c, cnwire.BaseInfoGet, nil)
}

// Modify changes the saved information (alipay.open.mini.baseinfo.modify). It
// works only before the first release; later, information changes with an
// application for review.
func (b *BaseInfoClient) Modify(ctx context.Context, in ModifyBaseInfoInput) error {
	return b.c.write(ctx, safeWrite{cnwire.BaseInfoModify, in, nil, func(ctx context.Context) (effect, string, error) {
		after, err := b.Get(ctx)
		if err != nil {
			return effectUnknown, "", err
		}
		return provenByBaseInfo(in, *after), "baseInfo.get does not prove that it was done", nil
	}})
}

// CheckName says whether a name may be used
// (alipay.open.mini.baseinfo.name.check). A name that may not is no error; see
// [NameCheck.Fine].
func (b *BaseInfoClient) CheckName(ctx context.Context, in CheckNameInput) (*NameCheck, error) {
	return read[NameCheck](ctx, b.c, cnwire.BaseInfoCheckName, in)
}

// SafeDomainsClient manages the servers that the mini program may talk to; they
// are listed in [BaseInfo]. Every error is an [Error].
type SafeDomainsClient struct{ c *Client }

// Add allows a server (alipay.open.mini.safedomain.create), for versions that
// are uploaded afterwards.
func (s *SafeDomainsClient) Add(ctx context.Context, in SafeDomainInput) error {
	return s.change(ctx, cnwire.SafeDomainAdd, in)
}

// Remove no longer allows a server (alipay.open.mini.safedomain.delete), for
// versions that are uploaded afterwards.
func (s *SafeDomainsClient) Remove(ctx context.Context, in SafeDomainInput) error {
	return s.change(ctx, cnwire.SafeDomainRemove, in)
}

func (s *SafeDomainsClient) change(ctx context.Context, op cnwire.Operation, in SafeDomainInput) error {
	return s.c.write(ctx, safeWrite{op, in, nil, func(ctx context.Context) (effect, string, error) {
		after, err := s.c.BaseInfo.Get(ctx)
		if err != nil {
			return effectUnknown, "", err
		}
		return provenBySafeDomains(op, in, *after), "baseInfo.get does not show the change", nil
	}})
}

// CategoriesClient tells the categories and what each needs. Every error is an
// [Error].
type CategoriesClient struct{ c *Client }

// List lists all categories (alipay.open.mini.category.query).
func (l *CategoriesClient) List(ctx context.Context, in ListCategoriesInput) (*CategoryList, error) {
	return read[CategoryList](ctx, l.c, cnwire.CategoryList, in)
}

// Requirements tells which licences categories need
// (alipay.open.mini.category.require.query); ask before applying for review.
func (l *CategoriesClient) Requirements(ctx context.Context, in CategoryRequirementsInput) (*CategoryRequirements, error) {
	return read[CategoryRequirements](ctx, l.c, cnwire.CategoryRequirements, in)
}

// TemplatesClient tells which mini programs are built from a template. Every
// error is an [Error].
type TemplatesClient struct{ c *Client }

// Usages lists the mini programs built from a template
// (alipay.open.mini.template.usage.query), page by page.
func (t *TemplatesClient) Usages(ctx context.Context, in TemplateUsagesInput) (*TemplateUsages, error) {
	return read[TemplateUsages](ctx, t.c, cnwire.TemplateUsages, in)
}
