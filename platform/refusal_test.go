package platform

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// TestTheStatusOfEveryCode: a code comes with the HTTP status, and the outcome,
// that the contract says.
func TestTheStatusOfEveryCode(t *testing.T) {
	var document struct {
		Codes []struct {
			Code         alipayplus.Code         `yaml:"code"`
			HTTPStatus   int                     `yaml:"httpStatus"`
			ResultStatus alipayplus.ResultStatus `yaml:"resultStatus"`
		} `yaml:"x-result-codes"`
	}
	text, err := os.ReadFile("../api/openapi.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &document))
	require.Len(t, document.Codes, len(alipayplus.Codes()))
	for _, line := range document.Codes {
		require.Equal(t, line.HTTPStatus, httpStatus(line.Code), line.Code)
		if line.Code == alipayplus.CodeSuccess {
			continue // is no refusal
		}
		answer := errorReply("", "", &refusal{code: line.Code})
		require.Contains(t, string(answer.body), `"resultStatus":"`+string(line.ResultStatus)+`"`, line.Code)
	}
}
