package alipayplus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// MarketService is a service that is ONLINE, as merchants of all workspaces see it in the
// Service Market: what its provider entered, with the company it comes from. A revision
// that is not approved, requests and members of the other workspace are no part of it.
type MarketService struct {
	// ID is the platform's id of the service, by which it is ordered.
	ID string `json:"id"`
	// ServiceDescription is what was approved.
	ServiceDescription
	// Company is the offering company, from sign-up.
	Company BusinessRegistration `json:"company"`
	// CreatedAt is when the service was created.
	CreatedAt time.Time `json:"createdAt"`
}

// ListMarketInput chooses services of the Service Market. Which filters Alipay+ offers
// there is not documented.
type ListMarketInput struct {
	ListOptions
	// Name keeps services whose name contains the text, upper and lower case alike;
	// empty: all.
	Name string `json:"name,omitempty" validate:"max=256"`
	// Industry keeps services of this industry; empty: all.
	Industry string `json:"industry,omitempty" validate:"max=256"`
	// Type keeps services of this type; empty: all.
	Type ServiceType `json:"type,omitempty" validate:"max=64"`
	// App keeps services that support this app; empty: all.
	App TargetApp `json:"app,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in ListMarketInput) Validate() error { return validate("market", in, nil) }

// MarketFileInput is what [MarketClient.File] takes.
type MarketFileInput struct {
	// ServiceID is the service.
	ServiceID string `json:"serviceId" validate:"required,max=64"`
	// FileID is one of [ServiceDescription.Images].
	FileID string `json:"fileId" validate:"required,max=64"`
}

// Validate checks the fields.
func (in MarketFileInput) Validate() error { return validate("market file", in, nil) }

// MarketClient reads the Service Market: the services of all workspaces that are ONLINE
// ("Release services": "available for merchants to order"). Every member may; which role
// does so at Alipay+ is not documented. It is safe for concurrent use.
type MarketClient struct{ client *Client }

// Get reads a service. Errors: [ErrNotFound], also for one that is not ONLINE.
func (c *MarketClient) Get(ctx context.Context, serviceID string) (*MarketService, error) {
	return get(ctx, c.client, contract.MarketQuery, ServiceInput{ServiceID: serviceID}, func(s *MarketService) bool { return s.ID == serviceID })
}

// List reads a page of services, newest first unless in.Order says otherwise.
func (c *MarketClient) List(ctx context.Context, in ListMarketInput) (*Page[MarketService], error) {
	return list(ctx, c.client, contract.MarketList, in, in.Limit, func(s *MarketService) bool {
		return matchesFilter(in.Industry, s.Industry) && matchesFilter(in.Type, s.Type)
	})
}

// All ranges over all services that in chooses, page by page as they are needed. It
// ends after the first error, which it yields.
func (c *MarketClient) All(ctx context.Context, in ListMarketInput) iter.Seq2[*MarketService, error] {
	return all(ctx, contract.MarketList, in, c.List)
}

// File reads a picture that a service shows. Errors: [ErrNotFound], also for a file that
// the service does not show.
func (c *MarketClient) File(ctx context.Context, in MarketFileInput) (*FileContent, error) {
	return get(ctx, c.client, contract.MarketFile, in, func(f *FileContent) bool { return f.isFile(in.FileID) })
}

// isFile says whether the content is that of the file with the id, its SHA-256.
func (f *FileContent) isFile(id string) bool {
	sum := sha256.Sum256(f.Content)
	return f.ID == id && f.ID == hex.EncodeToString(sum[:])
}
