package platform_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// What a gateway in front of the platform reads in a body, the platform reads too,
// or it refuses the body.
func TestABodyHasOneReading(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.rawClient("olga")
		const field = `{"requestId":"1","languages":[{"language":"en","name":"Tea"}]`
		for name, tt := range map[string]struct{ body, message string }{
			"a field twice":            {field + `,"languages":[]}`, `body has the name "languages" twice in one object`},
			"an unknown field twice":   {field + `,"x":1,"x":1}`, `body has the name "x" twice in one object`},
			"twice, once escaped":      {field + `,"request\u0049d":"2"}`, `body has the name "requestId" twice in one object`},
			"twice deeper down":        {`{"requestId":"1","languages":[{"language":"en","name":"Tea","name":"Coffee"}]}`, `body has the name "name" twice in one object`},
			"another case":             {strings.Replace(field, "requestId", "RequestId", 1) + `}`, `requestId is spelled "RequestId" in the body; names are exact in case`},
			"another case beside it":   {field + `,"REQUESTID":"2"}`, `requestId is spelled "REQUESTID" in the body; names are exact in case`},
			"a long s":                 {field + `,"languageſ":[]}`, `languages is spelled "languageſ" in the body; names are exact in case`},
			"another case deeper down": {`{"requestId":"1","languages":[{"language":"en","Name":"Tea"}]}`, `name is spelled "Name" in the body; names are exact in case`},
			"NUL in a name":            {field + `,"requestId\u0000":"2"}`, `body has a name with a control or bidirectional character: "requestId\x00"`},
			"an override in a name":    {field + ",\"\u202edItseuqer\":\"2\"}", `body has a name with a control or bidirectional character: "\u202edItseuqer"`},
			"an isolate, deeper down":  {`{"requestId":"1","languages":[{"language":"en","name":"Tea","\u2066x":1}]}`, `body has a name with a control or bidirectional character: "\u2066x"`},
			"no UTF-8":                 {field + ",\"x\":\"\xc3\x28\"}", "body must be valid UTF-8 without halves of surrogate pairs"},
			"half a pair":              {strings.Replace(field, "Tea", `\ud83d`, 1) + `}`, "body must be valid UTF-8 without halves of surrogate pairs"},
			"half a pair, the other":   {strings.Replace(field, "Tea", `\udE00x`, 1) + `}`, "body must be valid UTF-8 without halves of surrogate pairs"},
			"a pair the wrong way":     {strings.Replace(field, "Tea", `\ude00\ud83d`, 1) + `}`, "body must be valid UTF-8 without halves of surrogate pairs"},
			"something behind it":      {field + `} {}`, "body is not the JSON of this operation"},
			"nothing":                  {"", "body is not the JSON of this operation"},
			"a comma too many":         {field + `,}`, "body is not the JSON of this operation"},
		} {
			got := h.call(contract.ProgramCreate, tt.body)
			require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code, name)
			require.Contains(w, got.Result.Message, tt.message, name)
		}
		require.Zero(w, w.programs())
		got := h.call(contract.ProgramCreate, strings.Replace(field, "Tea", `T\ud83d\ude00 \\ud83d \u0061`, 1)+`,"unknown":{"a":[1,{"b":null}],"requestId":"of something else"},"other":{"a":1}}`)
		require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
		var made alipayplus.Program
		require.NoError(w, json.Unmarshal(got.Data, &made))
		require.Equal(w, `T😀 \ud83d a`, made.Languages[0].Name)
		got = h.call(contract.ReleaseCreate, `{"requestId":"2","programId":"1","version":"1.0.0","targetApp":"ALIPAY_CN","major":1}`)
		require.Equal(w, alipayplus.CodeNotFound, got.Result.Code, "a version's parts are no names on the wire: "+got.Result.Message)
	})
}

// A refusal tells what is wrong, not all that was sent.
func TestARefusalEchoesLittle(t *testing.T) {
	long := strings.Repeat("蓝", 5_000)
	inputs := map[contract.Operation]any{
		contract.ProgramCreate: alipayplus.CreateProgramInput{}, contract.ProgramQuery: alipayplus.ProgramInput{}, contract.ProgramList: alipayplus.ListProgramsInput{},
		contract.ReleaseCreate: alipayplus.CreateReleaseInput{}, contract.ReleaseQuery: alipayplus.ReleaseInput{}, contract.ReleaseList: alipayplus.ListReleasesInput{},
		contract.ReleaseApply: alipayplus.ApplyInput{}, contract.ReleaseGrayscale: alipayplus.GrayscaleInput{}, contract.ServiceCreate: alipayplus.CreateServiceInput{},
		contract.ServiceQuery: alipayplus.ServiceInput{}, contract.RequestList: alipayplus.ListRequestsInput{}, contract.RequestQuery: alipayplus.RequestInput{},
		contract.AuthorizationBegin: alipayplus.BeginAuthorizationInput{}, contract.QRCodeCreate: alipayplus.CreateQRCodeInput{}, contract.ReviewDecide: alipayplus.DecideInput{},
		contract.VersionUpload: alipayplus.RegisterVersionInput{}, contract.ProgramConfigure: alipayplus.UpdateProgramConfigurationInput{},
	}
	inWorld(t, func(w *world) {
		h := w.rawClient("olga")
		require.NotEmpty(w, w.program().ID)
		little := func(got rawAnswer, what string) {
			w.Helper()
			require.NotContains(w, got.Body, strings.Repeat("蓝", 200), what)
			require.Less(w, len(got.Body), 64<<10, what)
		}
		for op, in := range inputs {
			for _, body := range filled(reflect.TypeOf(in), long) {
				little(h.call(op, body), op.Name+" "+cutText(body))
				little(h.call(op, `{"requestId":"1",`+body[1:]), op.Name+" "+cutText(body))
			}
		}
		for name, contentType := range map[string]string{"a content type": strings.Repeat("image/", 2000)} {
			got := h.uploadFile(contentType, pngImage(w))
			require.Less(w, len(got.Body), 1000, name)
		}
		little(h.send("POST", contract.Prefix+strings.Repeat("x", 5000), "application/json", []byte("{}")), "a path")
		many := `{"requestId":"1","paymentInformation":[{"type":"TABLE","table":{"header":["a","b"],"rows":[["` + strings.Repeat("x", 100) + `"]` + strings.Repeat(`,["x"]`, 150) + `]}}]}`
		got := h.call(contract.ServiceCreate, many)
		little(got, "many fields")
		require.Len(w, got.Details.Fields, 101)
		require.Contains(w, got.Details.Fields[100].Message, "more")
	})
}

func cutText(s string) string { return s[:min(len(s), 60)] }

// filled gives an object for each field of a type, with that text in it, as name, and as a wrong type.
func filled(t reflect.Type, text string) []string {
	bodies := []string{fmt.Sprintf(`{%q:1}`, text)}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" || name == "requestId" {
			continue
		}
		bodies = append(bodies, fmt.Sprintf(`{%q:%q}`, name, text), fmt.Sprintf(`{%q:[%q]}`, name, text), fmt.Sprintf(`{%q:{%q:%q}}`, name, text, text))
	}
	slices.Sort(bodies)
	return bodies
}
