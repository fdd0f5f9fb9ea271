package alipaycn

import "time"

// WithClock sets this machine's clock.
func WithClock(now func() time.Time) Option {
	return func(cfg *config) error {
		cfg.now = now
		return nil
	}
}
