// Package api_test holds openapi.yaml against the code, both ways: what the
// document says exists in the code, and what the code has is in the document.
package api_test

import (
	"cmp"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// node is a part of the document.
type node = map[string]any

// document is openapi.yaml.
type document struct {
	*testing.T
	root node
}

func open(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	d := document{T: t}
	require.NoError(t, yaml.Unmarshal(text, &d.root))
	return d
}

// at walks into a node by keys.
func (d document) at(from node, keys ...string) node {
	d.Helper()
	for i, key := range keys {
		next, ok := from[key].(node)
		require.True(d, ok, "there is no %s", strings.Join(keys[:i+1], " > "))
		from = next
	}
	return from
}

// follow returns what a reference leads to, and its name; a node that is none is
// its own.
func (d document) follow(n node) (target node, name string) {
	d.Helper()
	ref, ok := n["$ref"].(string)
	if !ok {
		return n, ""
	}
	path, local := strings.CutPrefix(ref, "#/")
	require.True(d, local, ref)
	keys := strings.Split(path, "/")
	return d.at(d.root, keys...), keys[len(keys)-1]
}

// exchange is what goes out and comes back in a call.
type exchange struct{ in, out reflect.Type }

func of[In, Out any]() exchange {
	return exchange{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
}

// nothing is the input of an operation that needs none; raw is a file.
type (
	nothing struct{}
	raw     struct{}
)

func exchanges() map[contract.Operation]exchange {
	type page[T any] = alipayplus.Page[T]
	return map[contract.Operation]exchange{
		contract.WorkspaceQuery:      of[nothing, alipayplus.Workspace](),
		contract.ProgramCreate:       of[alipayplus.CreateProgramInput, alipayplus.Program](),
		contract.ProgramQuery:        of[alipayplus.ProgramInput, alipayplus.Program](),
		contract.ProgramList:         of[alipayplus.ListProgramsInput, page[alipayplus.Program]](),
		contract.ProgramAddLanguages: of[alipayplus.AddLanguagesInput, alipayplus.Program](),
		contract.ProgramConfigure:    of[alipayplus.UpdateProgramConfigurationInput, alipayplus.Program](),
		contract.VersionUpload:       of[alipayplus.RegisterVersionInput, alipayplus.Version](),
		contract.VersionList:         of[alipayplus.ListVersionsInput, page[alipayplus.Version]](),
		contract.QRCodeCreate:        of[alipayplus.CreateQRCodeInput, alipayplus.QRCode](),
		contract.ReleaseCreate:       of[alipayplus.CreateReleaseInput, alipayplus.Release](),
		contract.ReleaseQuery:        of[alipayplus.ReleaseInput, alipayplus.Release](),
		contract.ReleaseList:         of[alipayplus.ListReleasesInput, page[alipayplus.Release]](),
		contract.ReleaseConfigure:    of[alipayplus.UpdateReleaseConfigurationInput, alipayplus.Release](),
		contract.ReleaseHistory:      of[alipayplus.ListHistoryInput, page[alipayplus.ReleaseEvent]](),
		contract.ReleaseTest:         of[alipayplus.TestCompatibilityInput, alipayplus.Release](),
		contract.ReleaseApply:        of[alipayplus.ApplyInput, alipayplus.Release](),
		contract.ReleaseWithdraw:     of[alipayplus.ReleaseInput, alipayplus.Release](),
		contract.ReleaseRaise:        of[alipayplus.GrayscaleInput, alipayplus.Release](),
		contract.ReleaseFinalize:     of[alipayplus.FinalizeInput, alipayplus.Release](),
		contract.ReleaseDelete:       of[alipayplus.ReleaseInput, alipayplus.Release](),
		contract.ReleaseTakeOffline:  of[alipayplus.ReleaseInput, alipayplus.Release](),
		contract.ReleaseRollBack:     of[alipayplus.ReleaseInput, alipayplus.Release](),
		contract.ReleaseCancel:       of[alipayplus.ReleaseInput, alipayplus.Release](),
		contract.AuthorizationBegin:  of[alipayplus.BeginAuthorizationInput, alipayplus.Authorization](),
		contract.AuthorizationQuery:  of[alipayplus.AuthorizationInput, alipayplus.Authorization](),
		contract.ServiceCreate:       of[alipayplus.CreateServiceInput, alipayplus.Service](),
		contract.ServiceUpdate:       of[alipayplus.UpdateServiceInput, alipayplus.Service](),
		contract.ServiceSubmit:       of[alipayplus.ServiceInput, alipayplus.Service](),
		contract.ServiceWithdraw:     of[alipayplus.ServiceInput, alipayplus.Service](),
		contract.ServiceArchive:      of[alipayplus.ServiceInput, alipayplus.Service](),
		contract.ServiceQuery:        of[alipayplus.ServiceInput, alipayplus.Service](),
		contract.ServiceList:         of[alipayplus.ListServicesInput, page[alipayplus.Service]](),
		contract.MarketQuery:         of[alipayplus.ServiceInput, alipayplus.MarketService](),
		contract.MarketList:          of[alipayplus.ListMarketInput, page[alipayplus.MarketService]](),
		contract.MarketFile:          of[alipayplus.MarketFileInput, alipayplus.FileContent](),
		contract.OrderPlace:          of[alipayplus.PlaceOrderInput, alipayplus.Order](),
		contract.OrderAccept:         of[alipayplus.OrderInput, alipayplus.Order](),
		contract.OrderReject:         of[alipayplus.RefuseOrderInput, alipayplus.Order](),
		contract.OrderConfirm:        of[alipayplus.OrderInput, alipayplus.Order](),
		contract.OrderSubmit:         of[alipayplus.OrderInput, alipayplus.Order](),
		contract.OrderApprove:        of[alipayplus.OrderInput, alipayplus.Order](),
		contract.OrderTurnDown:       of[alipayplus.RefuseOrderInput, alipayplus.Order](),
		contract.OrderCancel:         of[alipayplus.RefuseOrderInput, alipayplus.Order](),
		contract.OrderRevokeAccess:   of[alipayplus.OrderInput, alipayplus.Order](),
		contract.OrderAssign:         of[alipayplus.AssignMembersInput, alipayplus.Order](),
		contract.OrderQuery:          of[alipayplus.OrderInput, alipayplus.Order](),
		contract.OrderList:           of[alipayplus.ListOrdersInput, page[alipayplus.Order]](),
		contract.RequestQuery:        of[alipayplus.RequestInput, alipayplus.Request](),
		contract.RequestList:         of[alipayplus.ListRequestsInput, page[alipayplus.Request]](),
		contract.FileUpload:          of[raw, alipayplus.File](),
		contract.ReviewList:          of[alipayplus.ListReviewsInput, page[alipayplus.Request]](),
		contract.ReviewQuery:         of[alipayplus.RequestInput, alipayplus.Request](),
		contract.ReviewFile:          of[alipayplus.ReviewFileInput, alipayplus.FileContent](),
		contract.ReviewDecide:        of[alipayplus.DecideInput, alipayplus.Request](),
		contract.SessionBegin:        of[alipayplus.BeginSessionInput, alipayplus.SignIn](),
	}
}

// carriesKey says whether an operation carries a requestId.
func carriesKey(op contract.Operation) bool {
	return op.Write && op != contract.FileUpload && op != contract.QRCodeCreate
}

// TestTheTableIsThePlatforms: the table above names the types that the
// platform's own functions take and return.
func TestTheTableIsThePlatforms(t *testing.T) {
	files := sources(t, "../platform")
	served := map[string]bool{}
	for op, fn := range handlers(files) {
		served[op] = true
		in, out := signature(files, fn)
		i := slices.IndexFunc(contract.Operations(), func(o contract.Operation) bool { return contractName(t, o) == op })
		require.GreaterOrEqual(t, i, 0, "the platform serves %s", op)
		want, ok := exchanges()[contract.Operations()[i]]
		require.True(t, ok, op)
		if want.in != reflect.TypeFor[raw]() { // a file has no types to compare
			require.Equal(t, want.in.Name(), in, op)
			if out == "page" { // a list passes its entries on as they are stored, so that they have no type
				require.Contains(t, schemaName(want.out), "Page", op)
				continue
			}
			require.Equal(t, schemaName(want.out), out, op)
		}
	}
	require.Len(t, served, len(contract.Operations()))
}

// contractName is the name of the variable that holds an operation.
func contractName(t *testing.T, op contract.Operation) string {
	t.Helper()
	for _, file := range sources(t, "../internal/contract") {
		for _, decl := range file.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				value, ok := spec.(*ast.ValueSpec)
				if !ok || len(value.Values) != 1 {
					continue
				}
				if made, ok := value.Values[0].(*ast.CompositeLit); ok && literal(made.Elts[0]) == op.Name {
					return value.Names[0].Name
				}
			}
		}
	}
	require.Failf(t, "no such operation", "%v", op)
	return ""
}

func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// sources parses the Go files of a folder, tests left out.
func sources(t *testing.T, dir string) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+e.Name(), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

// handlers finds the operations that the platform serves, and the function of each; a file upload has none.
func handlers(files []*ast.File) map[string]string {
	found := map[string]string{}
	operation := func(e ast.Expr) (string, bool) {
		of, ok := e.(*ast.SelectorExpr)
		if !ok {
			return "", false
		}
		from, ok := of.X.(*ast.Ident)
		return of.Sel.Name, ok && from.Name == "contract"
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr: // operate(contract.ProgramCreate, createProgram)
				if len(n.Args) < 2 {
					return true
				}
				rule, named := n.Args[len(n.Args)-1].(*ast.Ident)
				if op, ok := operation(n.Args[0]); ok && named {
					found[op] = rule.Name
				}
			case *ast.KeyValueExpr: // {Operation: contract.FileUpload, ...}
				if name, ok := n.Key.(*ast.Ident); ok && name.Name == "Operation" {
					if op, ok := operation(n.Value); ok {
						found[op] = ""
					}
				}
			}
			return true
		})
	}
	return found
}

// signature is what a function takes last and returns first, by the names that
// schemas have.
func signature(files []*ast.File, fn string) (in, out string) {
	for _, file := range files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == fn {
				params := f.Type.Params.List
				return exprName(params[len(params)-1].Type), exprName(f.Type.Results.List[0].Type)
			}
		}
	}
	return "", ""
}

func exprName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return exprName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return exprName(e.Index) + exprName(e.X)
	case *ast.Ident:
		return e.Name
	default:
		return ""
	}
}

// schemaName is what the schema of a type is called.
func schemaName(t reflect.Type) string {
	name, arg, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return name
	}
	return strings.TrimSuffix(arg[strings.LastIndex(arg, ".")+1:], "]") + name
}

func TestEveryOperation(t *testing.T) {
	d := open(t)
	table := exchanges()
	schemas := checker{document: d, seen: map[string]bool{"Nothing": true}}
	documented := map[string]bool{}
	for path, item := range d.at(d.root, "paths") {
		if _, ok := strings.CutPrefix(path, contract.Prefix); ok {
			documented[path] = true
			require.Len(t, item, 1, "%s is a POST and nothing else", path)
		}
	}
	require.Len(t, documented, len(contract.Operations()), "%v", documented)
	for _, op := range contract.Operations() {
		types, ok := table[op]
		require.True(t, ok, "%s: give its types", op.Name)
		at := d.at(d.root, "paths", contract.Prefix+op.Path, "post")
		require.Equal(t, op.Name, at["operationId"])
		require.Equal(t, op.Write, at["x-write"], op.Name)
		require.Equal(t, op == contract.QRCodeCreate, at["x-documented-by-alipayplus"], op.Name)
		require.NotEmpty(t, at["summary"], op.Name)
		require.NotEmpty(t, at["description"], op.Name)
		schemas.request(op, at, types.in)
		schemas.answer(op, at, types.out)
	}
	schemas.refusal()
	for name := range d.at(d.root, "components", "schemas") {
		require.True(t, schemas.seen[name], "schema %s is of no type that goes over the wire", name)
	}
}

// checker compares schemas with types, each once.
type checker struct {
	document
	seen map[string]bool
}

func (c checker) request(op contract.Operation, at node, in reflect.Type) {
	c.Helper()
	content := c.at(at, "requestBody", "content")
	if in == reflect.TypeFor[raw]() {
		require.Len(c, content, 3)
		for _, kind := range []string{alipayplus.ContentPNG, alipayplus.ContentJPEG, alipayplus.ContentZip} {
			require.Contains(c, content, kind)
		}
		return
	}
	schema := c.at(content, "application/json; charset=UTF-8", "schema")
	body, name := c.follow(schema)
	if in == reflect.TypeFor[nothing]() {
		require.Equal(c, "Nothing", name)
		return
	}
	fields := fieldsOf(in)
	if !op.Write {
		fields = slices.DeleteFunc(fields, func(f field) bool { return f.name == "requestId" })
	}
	want := in.Name()
	if len(fields) < len(fieldsOf(in)) {
		want = strings.TrimSuffix(want, "Input") + "Reference"
	}
	require.Equal(c, want, name, op.Name)
	c.seen[name] = true
	c.object(name, body, fields, requiredOf(in, carriesKey(op)))
}

// requiredOf are the fields without which an input is refused: those that its
// check misses in an empty one. A reason is needed for a rejection alone.
func requiredOf(in reflect.Type, carriesKey bool) []string {
	var required []string
	if v, ok := reflect.Zero(in).Interface().(interface{ Validate() error }); ok {
		if invalid, ok := errors.AsType[*alipayplus.ValidationError](v.Validate()); ok {
			for _, f := range invalid.Fields {
				if f.Path != "reason" && !strings.ContainsAny(f.Path, ".[") {
					required = append(required, f.Path)
				}
			}
		}
	}
	for _, f := range fieldsOf(in) {
		if strings.HasPrefix(f.rules, "required") {
			required = append(required, f.name)
		}
	}
	if carriesKey {
		required = append(required, "requestId")
	}
	slices.Sort(required)
	return slices.Compact(required)
}

func (c checker) answer(op contract.Operation, at node, out reflect.Type) {
	c.Helper()
	for _, class := range []string{"4XX", "5XX"} {
		refused, _ := c.follow(c.at(at, "responses", class))
		_, name := c.follow(c.at(refused, "content", "application/json; charset=UTF-8", "schema"))
		require.Equal(c, "Refusal", name)
	}
	done, name := c.follow(c.at(at, "responses", "200"))
	require.Equal(c, schemaName(out)+"Answer", name, "%s: generators take a schema of the same name for a duplicate", op.Name)
	body := c.at(done, "content", "application/json; charset=UTF-8", "schema")
	if op == contract.QRCodeCreate {
		parts, ok := body["allOf"].([]any)
		require.True(c, ok)
		require.Len(c, parts, 2)
		require.Contains(c, c.at(parts[0].(node), "properties"), "result")
		c.value(op.Name, parts[1].(node), out, "")
		return
	}
	properties := c.at(body, "properties")
	require.ElementsMatch(c, []string{"result", "requestId", "inReplyTo", "data"}, keys(properties), "%s: an answer that is a success", op.Name)
	c.value(op.Name, c.at(properties, "result"), reflect.TypeFor[result](), "")
	c.value(op.Name, c.at(properties, "data"), out, "")
}

// The answer's outside, as the platform writes it; TestTheEnvelope compares them
// with the platform's own.
type (
	result struct {
		Status  alipayplus.ResultStatus `json:"resultStatus"`
		Code    string                  `json:"resultCode"`
		Message string                  `json:"resultMessage"`
	}
	refusal struct {
		Result    result   `json:"result"`
		RequestID string   `json:"requestId,omitempty"`
		InReplyTo string   `json:"inReplyTo,omitempty"`
		Details   *details `json:"details,omitempty"`
	}
	details struct {
		Fields        []alipayplus.FieldError                `json:"fields,omitempty"`
		Limit         *alipayplus.LimitError                 `json:"limit,omitempty"`
		Ratio         *alipayplus.RatioError                 `json:"ratio,omitempty"`
		Authorization *alipayplus.AuthorizationRequiredError `json:"authorization,omitempty"`
		Permission    *alipayplus.PermissionError            `json:"permission,omitempty"`
		Downgrade     *alipayplus.DowngradeError             `json:"downgrade,omitempty"`
	}
)

func (c checker) refusal() {
	c.Helper()
	c.value("refusal", node{"$ref": "#/components/schemas/Refusal"}, reflect.TypeFor[refusal](), "")
}

func TestTheEnvelope(t *testing.T) {
	files := sources(t, "../platform")
	require.Equal(t, namesOf(reflect.TypeFor[result]()), tagsOf(files, "result"))
	require.Equal(t, namesOf(reflect.TypeFor[details]()), tagsOf(files, "details"))
	require.Equal(t, []string{"data", "details", "inReplyTo", "requestId", "result"}, tagsOf(files, "answerBody"))
	require.Equal(t, []string{"result"}, tagsOf(files, "qrBody"), "and the documented fields beside it")
}

// tagsOf are the JSON names of a struct's fields, sorted.
func tagsOf(files []*ast.File, name string) []string {
	var names []string
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name {
				return true
			}
			if body, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range body.Fields.List {
					if f.Tag != nil {
						json, _, _ := strings.Cut(reflect.StructTag(literal(f.Tag)).Get("json"), ",")
						names = append(names, json)
					}
				}
			}
			return false
		})
	}
	slices.Sort(names)
	return names
}

func namesOf(t reflect.Type) []string {
	var names []string
	for _, f := range fieldsOf(t) {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return names
}

// field is one field of a type as it goes over the wire.
type field struct {
	name   string
	typ    reflect.Type
	rules  string
	always bool // it is there also when it is empty
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields = append(fields, fieldsOf(f.Type)...)
		case f.IsExported() && name != "" && name != "-":
			fields = append(fields, field{name: name, typ: f.Type, rules: f.Tag.Get("validate"), always: options == ""})
		}
	}
	return fields
}

// value compares the schema of a value with its type. What a type's own schema
// says is compared once.
func (c checker) value(path string, schema node, t reflect.Type, rules string) {
	c.Helper()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	own, each := splitRules(rules)
	c.rules(path, schema, t, own)
	target, name := c.follow(schema)
	if want := c.nameFor(t); want != name {
		require.Failf(c, "wrong schema", "%s: is %q, must be %q", path, name, want)
	}
	if name != "" {
		if c.seen[name] {
			return
		}
		c.seen[name] = true
		require.NotEmpty(c, target["description"], name)
		path = name
	}
	c.shape(path, target, t, each)
}

// nameFor is the name of the schema that a type has of its own; empty for the
// types of JSON itself.
func (c checker) nameFor(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time](), t.PkgPath() == "":
		return ""
	case t == reflect.TypeFor[result](), t == reflect.TypeFor[refusal](), t == reflect.TypeFor[details]():
		return strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	default:
		return schemaName(t)
	}
}

func (c checker) shape(path string, schema node, t reflect.Type, each string) {
	c.Helper()
	kind := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer",
		reflect.Slice: "array", reflect.Struct: "object",
	}[t.Kind()]
	switch t {
	case reflect.TypeFor[time.Time]():
		kind = "string"
		require.Equal(c, "date-time", schema["format"], path)
	case reflect.TypeFor[alipayplus.VersionNumber](), reflect.TypeFor[[]byte]():
		kind = "string"
	case reflect.TypeFor[alipayplus.Ladder]():
		kind = "array"
		c.value(path+"[]", c.at(schema, "items"), reflect.TypeFor[alipayplus.Ratio](), "")
	}
	require.Equal(c, kind, schema["type"], path)
	switch {
	case kind == "array" && t.Kind() == reflect.Slice:
		c.value(path+"[]", c.at(schema, "items"), t.Elem(), each)
	case kind == "object":
		fields := fieldsOf(t)
		var always []string
		for _, f := range fields {
			if f.always {
				always = append(always, f.name)
			}
		}
		c.object(path, schema, fields, always)
	case kind == "string" && t.PkgPath() == "github.com/alipayplus-go/alipayplus" && t.Kind() == reflect.String:
		require.ElementsMatch(c, constants(c.T, t.Name()), keys(c.at(schema, "x-known")), "the known values of %s", path)
		require.NotContains(c, schema, "enum", "%s is open", path)
	}
}

// object compares the properties of a schema with fields.
func (c checker) object(path string, schema node, fields []field, required []string) {
	c.Helper()
	properties := c.at(schema, "properties")
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
		property := c.at(properties, f.name)
		require.NotEmpty(c, property["description"], "%s.%s: describe it", path, f.name)
		c.value(path+"."+f.name, property, f.typ, f.rules)
	}
	require.ElementsMatch(c, names, keys(properties), "the fields of %s", path)
	said, _ := schema["required"].([]any)
	got := []string{}
	for _, name := range said {
		got = append(got, name.(string))
	}
	require.ElementsMatch(c, required, got, "the required fields of %s", path)
}

// splitRules parts the validator's rules of a value from those of its elements.
func splitRules(rules string) (own, each string) {
	own, each, found := strings.Cut(rules, "dive")
	if !found {
		return rules, ""
	}
	return strings.TrimSuffix(own, ","), strings.TrimPrefix(each, ",")
}

// rules compares the bounds in a schema with the validator's rules: each is in
// both.
func (c checker) rules(path string, schema node, t reflect.Type, rules string) {
	c.Helper()
	want := node{}
	lowest, highest := "minLength", "maxLength"
	switch t.Kind() {
	case reflect.Slice:
		lowest, highest = "minItems", "maxItems"
	case reflect.Int, reflect.Int64:
		lowest, highest = "minimum", "maximum"
	}
	for rule := range strings.SplitSeq(rules, ",") {
		name, bound, _ := strings.Cut(rule, "=")
		n, _ := strconv.Atoi(bound)
		switch name {
		case "min":
			want[lowest] = n
		case "max":
			want[highest] = n
		case "unique":
			if bound == "" {
				want["uniqueItems"] = true
			}
		case "email":
			want["format"] = "email"
		case "fqdn":
			want["format"] = "hostname"
		case "sha256":
			want["pattern"] = "^[0-9a-f]{64}$"
		case "iso3166_1_alpha2":
			want["pattern"] = "^[A-Z]{2}$"
		}
	}
	switch {
	case strings.HasSuffix(path, ".requestId") && !strings.HasPrefix(path, "Refusal"):
		want["minLength"], want["maxLength"] = 1, 64
	case path == "Result.resultCode":
		want["maxLength"] = 64
	case path == "Result.resultMessage":
		want["maxLength"] = 256
	}
	got := node{}
	for _, bound := range []string{"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "uniqueItems", "format", "pattern"} {
		if value, ok := schema[bound]; ok && value != "date-time" && value != "int64" {
			got[bound] = value
		}
	}
	require.Equal(c, want, got, "the bounds of %s", path)
}

// constants are the values of a string type that the library names.
func constants(t *testing.T, name string) []string {
	t.Helper()
	var values []string
	for _, file := range sources(t, "..") {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == name && len(spec.Values) == 1 {
				values = append(values, literal(spec.Values[0]))
			}
			return true
		})
	}
	return values
}

func keys(n node) []string {
	names := []string{}
	for name := range n {
		names = append(names, name)
	}
	return names
}

// TestEveryCode: the codes of the document are those of the library, in the
// same order, and operations name no others.
func TestEveryCode(t *testing.T) {
	d := open(t)
	lines, ok := d.root["x-result-codes"].([]any)
	require.True(t, ok)
	var said []alipayplus.Code
	for _, line := range lines {
		code := line.(node)
		said = append(said, alipayplus.Code(code["code"].(string)))
		require.NotEmpty(t, code["meaning"])
		require.Contains(t, constants(t, "ResultStatus"), code["resultStatus"])
		require.NotEmpty(t, http.StatusText(code["httpStatus"].(int)))
	}
	require.Equal(t, alipayplus.Codes(), said)
	require.ElementsMatch(t, constants(t, "Code"), said2text(said))
	for path := range d.at(d.root, "paths") {
		for _, operation := range d.at(d.root, "paths", path) {
			refusals, _ := operation.(node)["x-refused-with"].([]any)
			for _, code := range refusals {
				require.Contains(t, said, alipayplus.Code(code.(string)), path)
			}
		}
	}
}

func said2text(codes []alipayplus.Code) []string {
	texts := make([]string, len(codes))
	for i, code := range codes {
		texts[i] = string(code)
	}
	return texts
}

// TestEveryReference: what is referred to exists, and what could be referred to
// is.
func TestEveryReference(t *testing.T) {
	d := open(t)
	used := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case node:
			if ref, ok := v["$ref"].(string); ok {
				used[ref] = true
				_, name := d.follow(v)
				require.NotEmpty(t, name)
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(d.root)
	for _, kind := range []string{"schemas", "responses", "headers", "parameters"} {
		for name := range d.at(d.root, "components", kind) {
			require.True(t, used["#/components/"+kind+"/"+name], "%s %s is not used", kind, name)
		}
	}
}

// TestEveryPage: the pages of the document are served, and say what it says to
// who has no proper link.
func TestEveryPage(t *testing.T) {
	d := open(t)
	p, err := platform.New(platform.WithSigner(testkey.Key()))
	require.NoError(t, err)
	pages := 0
	for path, item := range d.at(d.root, "paths") {
		if strings.HasPrefix(path, contract.Prefix) {
			continue
		}
		for method, operation := range item.(node) {
			pages++
			require.Empty(t, operation.(node)["security"], "%s is for browsers", path)
			answer := httptest.NewRecorder()
			p.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), strings.ToUpper(method), strings.ReplaceAll(path, "{app}", "ALIPAY_CN"), nil))
			require.NotEqual(t, http.StatusNotFound, answer.Code, path)
			require.NotEqual(t, http.StatusMethodNotAllowed, answer.Code, path)
			require.Contains(t, d.at(operation.(node), "responses"), strconv.Itoa(answer.Code), path)
		}
	}
	require.Equal(t, 3, pages)
	require.Contains(t, d.at(d.root, "paths"), platform.CallbackPath)
}

// TestItSaysWhoseItIs: nobody takes this for a document of Alipay+.
func TestItSaysWhoseItIs(t *testing.T) {
	d := open(t)
	text, _ := d.at(d.root, "info")["description"].(string)
	require.Contains(t, text, "this project's own")
	require.Contains(t, text, "Alipay+ publishes no management API")
	version, _ := d.root["openapi"].(string)
	require.Positive(t, cmp.Compare(version, "3.1"))
}
