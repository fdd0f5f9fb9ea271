package cnwire

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// The links of the page on which a merchant authorizes a third-party app. What is asked
// for follows them, as [AuthorizationRequest.Encode] writes it.
const (
	AuthorizePCPath    = "/page/message/tasksDetail"
	AuthorizePhonePath = "/platformapi/startapp"
	AuthorizePC        = AuthorizePCPath + "?bizData="
	AuthorizePhone     = AuthorizePhonePath + "?appId=2021003130652097&page=pages%2Fauthorize%2Findex%3FbizData%3D"
)

// AuthorizationRequest is what the links of the page ask for, with its fields in the order
// of AlipayCN's documents.
type AuthorizationRequest struct {
	// PlatformCode is always "O".
	PlatformCode string `json:"platformCode"`
	// TaskType is always "INTERFACE_AUTH".
	TaskType string `json:"taskType"`
	// AgentOpParam says who asks for what.
	AgentOpParam AgentOpParam `json:"agentOpParam"`
}

// AgentOpParam says who asks a merchant for authorization.
type AgentOpParam struct {
	// RedirectURI is where the browser goes afterwards.
	RedirectURI string `json:"redirectUri"`
	// AppTypes are the kinds of app to choose from.
	AppTypes []string `json:"appTypes"`
	// ISVAppID is the third-party app.
	ISVAppID string `json:"isvAppId"`
	// State comes back with the browser.
	State string `json:"state,omitzero"`
}

// NewAuthorizationRequest fills in what is always the same.
func NewAuthorizationRequest(param AgentOpParam) AuthorizationRequest {
	return AuthorizationRequest{PlatformCode: "O", TaskType: "INTERFACE_AUTH", AgentOpParam: param}
}

// Encode returns what JavaScript's encodeURIComponent(JSON.stringify(r)) would: the page
// behind a link reads it with the counterparts of these two.
func (r AuthorizationRequest) Encode() (string, error) {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // & stays &
	if err := enc.Encode(r); err != nil {
		return "", err
	}
	encoded := url.QueryEscape(strings.TrimSuffix(text.String(), "\n"))
	return strings.ReplaceAll(encoded, "+", "%20"), nil
}

// ParseAuthorizationRequest reads a link, of either kind and whatever its host.
func ParseAuthorizationRequest(link *url.URL) (r AuthorizationRequest, err error) {
	query, err := url.ParseQuery(link.RawQuery)
	if err != nil {
		return r, errors.New("the link is malformed")
	}
	text := query.Get("bizData")
	if link.Path == AuthorizePhonePath {
		text, _ = strings.CutPrefix(query.Get("page"), "pages/authorize/index?bizData=")
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, errors.New("bizData is not the JSON of a request for authorization")
	}
	if fixed := NewAuthorizationRequest(r.AgentOpParam); r.PlatformCode != fixed.PlatformCode || r.TaskType != fixed.TaskType {
		return r, errors.New(`bizData must have platformCode "O" and taskType "INTERFACE_AUTH"`)
	}
	return r, nil
}
