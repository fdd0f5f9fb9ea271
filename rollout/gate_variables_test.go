package rollout_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

func knownStep() rollout.Step {
	return rollout.Step{Rollout: "tea & co", Target: "release rel_1", Version: "1.2.0", Index: 2, Ratio: 10, Since: time.Now().Add(-90 * time.Second)}
}

func TestAnHTTPGateNamesWhatIsKnownOfTheStep(t *testing.T) {
	t.Parallel()
	var asked string
	gate := figures(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.EscapedPath() + "?" + r.URL.RawQuery
		_, _ = w.Write([]byte(`{"data": {"rate": 0}}`))
	})
	gate.URL = gate.URL[:len(gate.URL)-len("/errors?token=hush")] +
		"/${ROLLOUT_TARGET}/${ROLLOUT_VERSION}?n=${ROLLOUT_NAME}&r=${ROLLOUT_RATIO}&s=${ROLLOUT_STEP}&live=${ROLLOUT_LIVE_SECONDS}"

	_, err := gate.Gate()(t.Context(), knownStep())

	require.NoError(t, err)
	require.Equal(t, "/release%20rel_1/1.2.0?n=tea+%26+co&r=10&s=2&live=90", asked)
	unknown := knownStep()
	unknown.Version = ""
	_, err = gate.Gate()(t.Context(), unknown)
	require.EqualError(t, err, "the url: ${ROLLOUT_VERSION} is not known: the target does not say it")
}

func TestAProgramFindsWhatIsKnownOfTheStep(t *testing.T) {
	t.Parallel()
	step := knownStep()
	verdict, err := gateProgram("live").Gate()(t.Context(), step)
	require.NoError(t, err)
	require.Equal(t, rollout.Passed("1.2.0 %s 90", step.Since.UTC().Format(time.RFC3339)), verdict)
}

func TestAQueryNamesWhatIsKnownOfTheStep(t *testing.T) {
	t.Parallel()
	step := knownStep()
	query, err := step.ExpandQuery(`label_replace(sum(rate(errors{version="${ROLLOUT_VERSION}"}[${ROLLOUT_LIVE_SECONDS}s])), "a", "${1}", "b", "(.*)$")`)
	require.NoError(t, err)
	require.Equal(t, `label_replace(sum(rate(errors{version="1.2.0"}[90s])), "a", "${1}", "b", "(.*)$")`, query)
	_, err = step.ExpandQuery(`up{rollout="${ROLLOUT_NAME}"}`)
	require.EqualError(t, err, `${ROLLOUT_NAME} is "tea & co", which cannot stand in a query`)
	step.Version = `1"} or vector(0) #`
	_, err = step.ExpandQuery(`up{version="${ROLLOUT_VERSION}"}`)
	require.ErrorContains(t, err, "cannot stand in a query")
	step.Since = time.Now().Add(time.Hour)
	query, err = step.ExpandQuery("[${ROLLOUT_LIVE_SECONDS}s]")
	require.NoError(t, err)
	require.Equal(t, "[1s]", query, "no range of 0 s or less, which Prometheus refuses")
}
