package platform_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestAMiniProgramGoesFromUploadToEveryUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newFixture(t, platform.WithAutoReview(func(party alipayplus.Party, _ *alipayplus.Request) platform.Decision {
			if party == alipayplus.PartyAlipayCN {
				return platform.ApproveAfter(72 * time.Hour)
			}
			return platform.ApproveAfter(time.Hour)
		}))
		program := given.program()
		given.authorize(program.ID)
		r := given.release(program.ID, "1.0.0")
		require.Equal(t, alipayplus.ReleaseNewVersionCreated, r.Status)

		r = given.apply(r.ID)
		require.Equal(t, alipayplus.ReleaseUnderReview, r.Status)

		var seen []string
		r, err := given.owner.Releases.WaitReviewed(t.Context(), r.ID, alipayplus.ReleaseWait{
			MaxInterval: 15 * time.Minute,
			OnChange:    func(r *alipayplus.Release) { seen = append(seen, string(r.Status)) },
		})
		require.NoError(t, err)
		require.Equal(t, alipayplus.ReleasePreparation, r.Status)
		require.Equal(t, []string{"UNDER_REVIEW", "UNDER_REVIEW", "RELEASE_PREPARATION"}, seen, "once for each review")

		r, err = given.owner.Releases.StartGrayscale(t.Context(), r.GrayscaleTo(1))
		require.NoError(t, err)
		for next, ok := r.Grayscale.Ladder.Next(r.Grayscale.Ratio); ok; next, ok = r.Grayscale.Ladder.Next(r.Grayscale.Ratio) {
			r, err = given.owner.Releases.Raise(t.Context(), r.GrayscaleTo(next))
			require.NoError(t, err)
		}
		require.Equal(t, alipayplus.ReleaseFull, r.Status)
		require.Len(t, r.Grayscale.Steps, 7)

		code, err := given.owner.QRCodes.Create(t.Context(), alipayplus.CreateQRCodeInput{AppID: program.ID})
		require.NoError(t, err)
		_, err = code.PNG()
		require.NoError(t, err)
	})
}
