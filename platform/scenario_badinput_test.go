package platform_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// bad is a call that must not succeed: made with the client, and sent by hand,
// where nothing checks it before the platform does. Either may be nil.
type bad struct {
	as        string // who calls; empty: the owner
	client    func(c *alipayplus.Client) error
	rawClient func(h rawClient) rawAnswer
}

// named replaces what differs from run to run.
func named(text string) string {
	for _, r := range []struct{ pattern, name string }{
		{`trace [0-9a-f]{32}`, "trace T"},
		{`\b(rel|svc|req)_[A-Z2-7]{26}\b`, "${1}_X"},
		{`\b[1-9][0-9]{15}\b`, "PROGRAM"},
		{`request [A-Z2-7]{26}\b`, "request R"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.name)
	}
	return text
}

// TestWhatBadInputGets is the one line that a user sees for each mistake, with
// the client and without it; and nothing is half done afterwards.
func TestWhatBadInputGets(t *testing.T) {
	t.Parallel()
	growing := newPartnerApp()
	for _, tt := range []struct {
		mistake string
		opts    []platform.Option
		given   func(w *fixture) bad
		// line is the client's error; answer the platform's, as status, code, message.
		line, answer string
	}{
		{
			mistake: "a role that may not",
			given: func(w *fixture) bad {
				w.member("dan", alipayplus.RoleDeveloper)
				in := alipayplus.CreateProgramInput{Languages: chinese(), RequestID: "call"}
				call := w.sending(contract.ProgramCreate, in)
				call.as = "dan"
				return call
			},
			line:   "alipayplus: programs.create: ACCESS_DENIED: role DEVELOPER may not CREATE_PROGRAM here; ask OWNER or MASTER (HTTP 403, request call, trace T)",
			answer: "403 ACCESS_DENIED role DEVELOPER may not CREATE_PROGRAM here; ask OWNER or MASTER",
		},
		{
			mistake: "another workspace's id",
			given: func(w *fixture) bad {
				other := w.neighbour()
				return w.step(contract.ReleaseCancel, other.release(other.authorizedProgram().ID, "1.0.0").ID)
			},
			line:   `alipayplus: releases.cancel: NOT_FOUND: there is no release "rel_X" in this workspace (HTTP 404, request call, trace T); check the id; things of other workspaces look as if they did not exist`,
			answer: `404 NOT_FOUND there is no release "rel_X" in this workspace`,
		},
		{
			mistake: "a service with six broken fields",
			given: func(w *fixture) bad {
				return w.offering(alipayplus.ServiceDescription{
					Type: "CONSULTING", PaymentInformation: alipayplus.Content{alipayplus.TextBlock("now")},
				})
			},
			line: "alipayplus: services.create: service: 6 fields not valid: name is required; industry is required; description is required; " +
				`imageFileId is required; applicableApps must have at least 1 entry; type must be one of [MINI_PROGRAM_DEVELOPMENT]; got "CONSULTING"`,
			answer: "400 PARAM_ILLEGAL service: 6 fields not valid: name is required; industry is required; description is required; imageFileId is required; " +
				`applicableApps must have at least 1 entry; type must be one of [MINI_PROGRAM_DEVELOPMENT]; got "CONSULTING"`,
		},
		{
			mistake: "a table with a missing cell",
			given: func(w *fixture) bad {
				offer := w.offer()
				offer.PaymentInformation = alipayplus.Content{alipayplus.TextBlock("See:"), alipayplus.TableBlock(
					[]string{"When", "How much"}, []string{"now", "half"}, []string{"later"},
				)}
				return w.offering(offer)
			},
			line:   "alipayplus: services.create: service: 1 field not valid: paymentInformation[1].table.rows[1] must have 2 cells like the header; has 1",
			answer: "400 PARAM_ILLEGAL service: 1 field not valid: paymentInformation[1].table.rows[1] must have 2 cells like the header; has 1",
		},
		{
			mistake: "an image that is no image",
			given: func(w *fixture) bad {
				content := []byte("%PDF-1.7 not a picture")
				call := w.sending(contract.FileUpload, content)
				call.rawClient = func(h rawClient) rawAnswer { return h.uploadFile("image/png", content) }
				return call
			},
			line:   "alipayplus: files.upload: file: 1 field not valid: content must be one of [image/png image/jpeg] by its content; it is application/pdf",
			answer: "400 PARAM_ILLEGAL file: 1 field not valid: content must be one of [image/png image/jpeg application/zip] by its content; it is application/pdf",
		},
		{
			mistake: "version 1.2",
			given: func(w *fixture) bad {
				program := w.program()
				w.upload(program.ID, "1.0.0")
				return bad{
					client: func(*alipayplus.Client) error { _, err := alipayplus.ParseVersion("1.2"); return err },
					rawClient: func(h rawClient) rawAnswer {
						return h.call(contract.VersionUpload, fmt.Sprintf(`{"programId":%q,"version":"1.2","fileId":%q,"requestId":"call"}`, program.ID, strings.Repeat("0", 64)))
					},
				}
			},
			line:   `version number: 1 field not valid: version "1.2" is not of the form x.y.z: it must have three numbers, as in 1.2.0`,
			answer: `400 PARAM_ILLEGAL version number: 1 field not valid: version "1.2" is not of the form x.y.z: it must have three numbers, as in 1.2.0`,
		},
		{
			mistake: "a lower version",
			given: func(w *fixture) bad {
				program := w.program()
				w.upload(program.ID, "1.10.0")
				file := gather(w, w.owner.Programs.AllVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: program.ID}))[0].FileID
				lower := alipayplus.VersionNumber{Major: 1, Minor: 9, Patch: 9}
				call := w.sending(contract.VersionUpload, versionUpload{programID: program.ID, version: lower, content: zipPackage(w, "1.10.0")})
				call.rawClient = func(h rawClient) rawAnswer {
					return h.call(contract.VersionUpload, alipayplus.RegisterVersionInput{ProgramID: program.ID, Version: lower, FileID: file, RequestID: "call"})
				}
				return call
			},
			line:   "alipayplus: programs.uploadVersion: PARAM_ILLEGAL: version: 1 field not valid: version must be higher than 1.10.0, the highest so far; got 1.9.9 (HTTP 400, request call, trace T)",
			answer: "400 PARAM_ILLEGAL version: 1 field not valid: version must be higher than 1.10.0, the highest so far; got 1.9.9",
		},
		{
			mistake: "a ratio that is not on the ladder",
			given:   func(w *fixture) bad { return w.raising(w.grayscale(w.authorizedProgram().ID, "1.0.0", 10), 25) },
			line:    "alipayplus: releases.grayscale: ratio 25% is not allowed: it is not on the ladder; allowed now: 20%, 30%, 50%, 100%",
			answer:  "400 RATIO_NOT_ALLOWED ratio 25% is not allowed: it is not on the ladder; allowed now: 20%, 30%, 50%, 100%",
		},
		{
			mistake: "a ratio lower than the current",
			given:   func(w *fixture) bad { return w.raising(w.grayscale(w.authorizedProgram().ID, "1.0.0", 10), 5) },
			line:    "alipayplus: releases.grayscale: ratio 5% is not allowed: it is not above the live ratio 10%; allowed now: 20%, 30%, 50%, 100%",
			answer:  "400 RATIO_NOT_ALLOWED ratio 5% is not allowed: it is not above the live ratio 10%; allowed now: 20%, 30%, 50%, 100%",
		},
		{
			mistake: "a ratio after 100 %",
			given:   func(w *fixture) bad { return w.raising(w.full(w.authorizedProgram().ID, "1.0.0"), 50) },
			line:    "alipayplus: releases.grayscale: conflicting state: the release is complete at 100%; nothing is left to raise",
			answer:  "409 STATE_CONFLICT conflicting state: the release is complete at 100%; nothing is left to raise",
		},
		{
			mistake: "a ratio raised on stale knowledge",
			given: func(w *fixture) bad {
				r := w.grayscale(w.authorizedProgram().ID, "1.0.0", 10)
				r.Grayscale.Ratio = 5
				return w.raising(r, 20)
			},
			line:   "alipayplus: releases.grayscale: STATE_CONFLICT: release rel_X is live at 10%, not at 5% as the call assumes; read it again (HTTP 409, request call, trace T)",
			answer: "409 STATE_CONFLICT release rel_X is live at 10%, not at 5% as the call assumes; read it again",
		},
		{
			mistake: "the 11th mini program",
			given: func(w *fixture) bad {
				for range 10 {
					w.release(w.authorizedProgram().ID, "1.0.0")
				}
				return w.creating(w.authorizedProgram().ID, "1.0.0", cn)
			},
			line:   "alipayplus: releases.create: LIMIT_EXCEEDED: mini programs to ALIPAY_CN in this workspace: 10 of 10 are used; delete (in NEW_VERSION_CREATED) or cancel (in preparation and in grayscale) all releases of one of them (HTTP 409, request call, trace T)",
			answer: "409 LIMIT_EXCEEDED mini programs to ALIPAY_CN in this workspace: 10 of 10 are used; delete (in NEW_VERSION_CREATED) or cancel (in preparation and in grayscale) all releases of one of them",
		},
		{
			mistake: "the 21st version",
			given: func(w *fixture) bad {
				program := w.authorizedProgram()
				for i := range 20 {
					w.release(program.ID, fmt.Sprintf("1.0.%d", i))
				}
				return w.creating(program.ID, "2.0.0", cn)
			},
			line:   "alipayplus: releases.create: LIMIT_EXCEEDED: versions of this mini program to ALIPAY_CN: 20 of 20 are used; apply with one of them and take it through the review, or delete one (HTTP 409, request call, trace T)",
			answer: "409 LIMIT_EXCEEDED versions of this mini program to ALIPAY_CN: 20 of 20 are used; apply with one of them and take it through the review, or delete one",
		},
		{
			mistake: "create while one is under review",
			given: func(w *fixture) bad {
				program := w.authorizedProgram()
				w.underReview(program.ID, "1.0.0")
				return w.creating(program.ID, "1.0.1", cn)
			},
			line:   "alipayplus: releases.create: LIMIT_EXCEEDED: versions of this mini program to ALIPAY_CN: none may be added while a version is under review; wait for the verdict or withdraw it (HTTP 409, request call, trace T)",
			answer: "409 LIMIT_EXCEEDED versions of this mini program to ALIPAY_CN: none may be added while a version is under review; wait for the verdict or withdraw it",
		},
		{
			mistake: "create a release of a version that was not uploaded",
			given: func(w *fixture) bad {
				return w.sending(contract.ReleaseCreate, alipayplus.CreateReleaseInput{ProgramID: w.authorizedProgram().ID, Version: alipayplus.VersionNumber{Major: 3}, TargetApp: cn, RequestID: "call"})
			},
			line:   `alipayplus: releases.create: NOT_FOUND: there is no uploaded version "3.0.0" in this workspace (HTTP 404, request call, trace T); check the id; things of other workspaces look as if they did not exist`,
			answer: `404 NOT_FOUND there is no uploaded version "3.0.0" in this workspace`,
		},
		{
			mistake: "create a release to an app that is not there",
			given:   func(w *fixture) bad { return w.creating(w.authorizedProgram().ID, "1.0.0", partner) },
			line:    "alipayplus: releases.create: PARAM_ILLEGAL: input: 1 field not valid: targetApp is no app that this platform releases to; see Workspace.Get (HTTP 400, request call, trace T)",
			answer:  "400 PARAM_ILLEGAL input: 1 field not valid: targetApp is no app that this platform releases to; see Workspace.Get",
		},
		{
			mistake: "apply with the authorization revoked after create",
			given: func(w *fixture) bad {
				r := w.release(w.authorizedProgram().ID, "1.0.0")
				require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, r.ProgramID, cn))
				return w.applying(r.ID, new(company()))
			},
			line:   "alipayplus: releases.apply: AUTHORIZATION_REQUIRED: mini program PROGRAM is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns (HTTP 409, request call, trace T)",
			answer: "409 AUTHORIZATION_REQUIRED mini program PROGRAM is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns",
		},
		{
			mistake: "apply without a language that the target has come to need",
			opts:    []platform.Option{platform.WithTargetBackends(&languageApp{partnerApp: growing})},
			given: func(w *fixture) bad {
				program := w.program()
				r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: partner})
				require.NoError(w, err)
				growing.limits.Programs = needsEnglish
				return w.applying(r.ID, new(company()))
			},
			line:   "alipayplus: releases.apply: LANGUAGE_REQUIRED: LAKE_WALLET needs the languages en; add them with Programs.AddLanguages (HTTP 400, request call, trace T)",
			answer: "400 LANGUAGE_REQUIRED LAKE_WALLET needs the languages en; add them with Programs.AddLanguages",
		},
		{
			mistake: "apply without basic information",
			given:   func(w *fixture) bad { return w.applying(w.release(w.authorizedProgram().ID, "1.0.0").ID, nil) },
			line:    "alipayplus: releases.apply: application: 1 field not valid: basicInfo is required",
			answer:  "400 PARAM_ILLEGAL application: 1 field not valid: basicInfo is required",
		},
		{
			mistake: "apply with half of the basic information",
			given: func(w *fixture) bad {
				return w.applying(w.release(w.authorizedProgram().ID, "1.0.0").ID, &alipayplus.BusinessRegistration{
					CompanyName: "Tea", RegistrationNumber: "1", Country: "SG", ContactName: "Mei", ContactEmail: "mei",
				})
			},
			line:   "alipayplus: releases.apply: application: 2 fields not valid: basicInfo.address is required; basicInfo.contactEmail must be an e-mail address",
			answer: "400 PARAM_ILLEGAL application: 2 fields not valid: basicInfo.address is required; basicInfo.contactEmail must be an e-mail address",
		},
		{
			mistake: "apply while another version is in grayscale",
			given: func(w *fixture) bad {
				program := w.authorizedProgram()
				w.grayscale(program.ID, "1.0.0", 5)
				return w.applying(w.release(program.ID, "1.0.1").ID, new(company()))
			},
			line:   "alipayplus: releases.apply: STATE_CONFLICT: release rel_X of version 1.0.0 is GRAYSCALE_RELEASE; finish, withdraw or cancel it before another version is applied for (HTTP 409, request call, trace T)",
			answer: "409 STATE_CONFLICT release rel_X of version 1.0.0 is GRAYSCALE_RELEASE; finish, withdraw or cancel it before another version is applied for",
		},
		{
			mistake: "withdraw after the verdict",
			given: func(w *fixture) bad {
				return w.step(contract.ReleaseWithdraw, w.prepared(w.authorizedProgram().ID, "1.0.0").ID)
			},
			line:   "alipayplus: releases.withdraw: STATE_CONFLICT: release rel_X is RELEASE_PREPARATION; only one that is under review can be withdrawn (HTTP 409, request call, trace T)",
			answer: "409 STATE_CONFLICT release rel_X is RELEASE_PREPARATION; only one that is under review can be withdrawn",
		},
		{
			mistake: "cancel before it was applied for",
			given: func(w *fixture) bad {
				return w.step(contract.ReleaseCancel, w.release(w.authorizedProgram().ID, "1.0.0").ID)
			},
			line:   "alipayplus: releases.cancel: STATE_CONFLICT: release rel_X is NEW_VERSION_CREATED and cannot be canceled (HTTP 409, request call, trace T)",
			answer: "409 STATE_CONFLICT release rel_X is NEW_VERSION_CREATED and cannot be canceled",
		},
		{
			mistake: "the final release of one in grayscale",
			given: func(w *fixture) bad {
				return w.step(contract.ReleaseFinalize, w.grayscale(w.authorizedProgram().ID, "1.0.0", 10).ID)
			},
			line:   "alipayplus: releases.finalize: STATE_CONFLICT: release rel_X is in grayscale at 10%; raise it to 100% instead (HTTP 409, request call, trace T)",
			answer: "409 STATE_CONFLICT release rel_X is in grayscale at 10%; raise it to 100% instead",
		},
		{
			mistake: "edit a service under review",
			given: func(w *fixture) bad {
				s := w.submitted()
				return w.sending(contract.ServiceUpdate, alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: s.ServiceDescription, RequestID: "call"})
			},
			line:   "alipayplus: services.update: STATE_CONFLICT: service svc_X is PENDING_REVIEW and cannot be edited (HTTP 409, request call, trace T)",
			answer: "409 STATE_CONFLICT service svc_X is PENDING_REVIEW and cannot be edited",
		},
		{
			mistake: "the same requestId with other content",
			given: func(w *fixture) bad {
				_, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: chinese(), RequestID: "call"})
				require.NoError(w, err)
				return w.sending(contract.ProgramCreate, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Other"}}, RequestID: "call"})
			},
			line:   "alipayplus: programs.create: REQUEST_ID_REUSED: the requestId was used before, with other content (HTTP 409, request call, trace T); use a new RequestID for a new call",
			answer: "409 REQUEST_ID_REUSED the requestId was used before, with other content",
		},
		{
			mistake: "the same requestId for another operation",
			given: func(w *fixture) bad {
				r := w.underReview(w.authorizedProgram().ID, "1.0.0")
				w.approve()
				_, err := w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID, RequestID: "call"})
				require.NoError(w, err)
				return w.step(contract.ReleaseCancel, r.ID)
			},
			line:   "alipayplus: releases.cancel: REQUEST_ID_REUSED: the requestId was used before, with other content (HTTP 409, request call, trace T); use a new RequestID for a new call",
			answer: "409 REQUEST_ID_REUSED the requestId was used before, with other content",
		},
		{
			mistake: "10 MB of JSON",
			given: func(w *fixture) bad {
				offer := w.offer()
				offer.Description = strings.Repeat("x", 10<<20)
				lax := alipayplus.DefaultServicePolicy()
				lax.MaxText, lax.MaxBytes = 1<<30, 0
				return w.sending(contract.ServiceCreate, alipayplus.CreateServiceInput{ServiceDescription: offer, Policy: &lax, RequestID: "call"})
			},
			line:   "alipayplus: services.create: PAYLOAD_TOO_LARGE: the body is larger than 1048576 bytes (HTTP 413, request call, trace T)",
			answer: "413 PAYLOAD_TOO_LARGE the body is larger than 1048576 bytes",
		},
		{
			mistake: "an unknown client",
			given: func(w *fixture) bad {
				const unknown = "5J5YBR2Y3YB49A0000"
				in := alipayplus.CreateProgramInput{Languages: chinese(), RequestID: "call"}
				call := w.sending(contract.ProgramCreate, in)
				call.client = func(*alipayplus.Client) error {
					_, err := w.as("olga", alipayplus.WithClientID(unknown)).Programs.Create(w.Context(), in)
					return err
				}
				call.rawClient = func(h rawClient) rawAnswer {
					h.clientID = unknown
					return h.call(contract.ProgramCreate, in)
				}
				return call
			},
			line:   "alipayplus: programs.create: UNKNOWN_CLIENT: the client id is not known here (HTTP 401, request call, trace T); check the client id (WithClientID, ALIPAYPLUS_CLIENT_ID) and the base URL",
			answer: "401 UNKNOWN_CLIENT the client id is not known here",
		},
		{
			mistake: "a clock that is an hour behind",
			given:   func(w *fixture) bad { return w.withClock(-time.Hour) },
			line:    "alipayplus: programs.create: TIMESTAMP_INVALID: Request-Time is 1h0m0s away from the platform's time; at most 5m0s is allowed (HTTP 401, request call, trace T); set this machine's clock: it is 1h0m0s behind the platform's",
			answer:  "401 TIMESTAMP_INVALID Request-Time is 1h0m0s away from the platform's time; at most 5m0s is allowed",
		},
		{
			mistake: "a clock that is an hour ahead",
			given:   func(w *fixture) bad { return w.withClock(time.Hour) },
			line:    "alipayplus: programs.create: TIMESTAMP_INVALID: Request-Time is 1h0m0s away from the platform's time; at most 5m0s is allowed (HTTP 401, request call, trace T); set this machine's clock: it is 1h0m0s ahead of the platform's",
			answer:  "401 TIMESTAMP_INVALID Request-Time is 1h0m0s away from the platform's time; at most 5m0s is allowed",
		},
		{
			mistake: "a cursor from elsewhere",
			given: func(w *fixture) bad {
				return w.sending(contract.ReleaseList, alipayplus.ListReleasesInput{ListOptions: alipayplus.ListOptions{Cursor: "eyJsIjoiIn0"}})
			},
			line:   "alipayplus: releases.list: PARAM_ILLEGAL: input: 1 field not valid: cursor does not belong to this list; begin without a cursor (HTTP 400, trace T)",
			answer: "400 PARAM_ILLEGAL input: 1 field not valid: cursor does not belong to this list; begin without a cursor",
		},
		{
			mistake: "no requestId", given: byHand(contract.ProgramCreate, alipayplus.CreateProgramInput{Languages: chinese()}),
			answer: "400 PARAM_ILLEGAL input: 1 field not valid: requestId is required for a call that changes something",
		},
		{
			mistake: "a requestId of 65 characters",
			given: func(w *fixture) bad {
				return w.sending(contract.ProgramCreate, alipayplus.CreateProgramInput{Languages: chinese(), RequestID: strings.Repeat("x", 65)})
			},
			line:   "alipayplus: programs.create: mini program: 1 field not valid: requestId must have at most 64 characters",
			answer: "400 PARAM_ILLEGAL input: 1 field not valid: requestId must have at most 64 characters",
		},
		{
			mistake: "half a JSON", given: byHand(contract.ProgramCreate, `{"requestId":"call","languages":[`),
			answer: "400 PARAM_ILLEGAL input: 1 field not valid: body is not the JSON of this operation",
		},
		{
			mistake: "JSON of another kind", given: byHand(contract.ReleaseList, `[]`),
			answer: "400 PARAM_ILLEGAL input: 1 field not valid: body is not the JSON of this operation",
		},
		{
			mistake: "a field of another type", given: byHand(contract.ReleaseRaise, `{"requestId":"call","releaseId":"rel_1","ratio":"10%"}`),
			answer: "400 PARAM_ILLEGAL input: 1 field not valid: ratio has the wrong JSON type (string)",
		},
		{
			mistake: "an operation that is not there", given: byHand(contract.Operation{Path: "release/remove"}, `{}`),
			answer: "404 INVALID_API there is no operation POST /api/open/v2/release/remove",
		},
		{
			mistake: "GET",
			given: func(*fixture) bad {
				return bad{rawClient: func(h rawClient) rawAnswer { return h.send(http.MethodGet, contract.Prefix+"release/query", "", nil) }}
			},
			answer: "404 INVALID_API there is no operation GET /api/open/v2/release/query",
		},
	} {
		sentence(t, tt.mistake, func(w *fixture) {
			call := tt.given(w)
			as := call.as
			if as == "" {
				as = "olga"
			}
			before := w.snapshot()
			if call.client != nil {
				require.EqualError(w, unnamed(call.client(w.as(as))), tt.line)
			}
			got := call.rawClient(w.rawClient(as))
			require.Equal(w, tt.answer, named(fmt.Sprintf("%d %s %s", got.HTTP, got.Result.Code, got.Result.Message)))
			require.Equal(w, alipayplus.ResultFailed, got.Result.Status)
			require.Equal(w, before, w.snapshot(), "nothing is half done")
		}, tt.opts...)
	}
}

// unnamed is an error with the text of named.
func unnamed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s", named(err.Error()))
}

// needsEnglish is the limit that stands for a target that has come to need English.
const needsEnglish = 7

// languageApp needs English from some moment on.
type languageApp struct{ *partnerApp }

func (a *languageApp) Languages() []string {
	if a.limits.Programs == needsEnglish {
		return []string{"en"}
	}
	return nil
}

// byHand makes a call by hand alone: the client would not.
func byHand(op contract.Operation, in any) func(*fixture) bad {
	return func(*fixture) bad {
		return bad{rawClient: func(h rawClient) rawAnswer { return h.call(op, in) }}
	}
}

// sending makes a call with the client and by hand.
func (w *fixture) sending(op contract.Operation, in any) bad {
	in = withRequestID(in, "call")
	return bad{
		client:    func(c *alipayplus.Client) error { _, err := do(w.Context(), c, op, in); return err },
		rawClient: func(h rawClient) rawAnswer { return h.call(op, in) },
	}
}

// step is a step of a release that needs nothing but its id.
func (w *fixture) step(op contract.Operation, release string) bad {
	return w.sending(op, stepOf(op, &alipayplus.Release{ID: release}, 0))
}

func (w *fixture) offering(offer alipayplus.ServiceDescription) bad {
	return w.sending(contract.ServiceCreate, alipayplus.CreateServiceInput{ServiceDescription: offer})
}

// raising asks for a ratio of what was read of a release.
func (w *fixture) raising(r *alipayplus.Release, to alipayplus.Ratio) bad {
	return w.sending(contract.ReleaseRaise, r.GrayscaleTo(to))
}

func (w *fixture) creating(program, version string, app alipayplus.TargetApp) bad {
	return w.sending(contract.ReleaseCreate, alipayplus.CreateReleaseInput{ProgramID: program, Version: w.upload(program, version), TargetApp: app})
}

func (w *fixture) applying(release string, info *alipayplus.BusinessRegistration) bad {
	return w.sending(contract.ReleaseApply, alipayplus.ApplyInput{ReleaseID: release, BasicInfo: info})
}

// withClock creates a mini program from a machine whose clock is off.
func (w *fixture) withClock(off time.Duration) bad {
	in := alipayplus.CreateProgramInput{Languages: chinese(), RequestID: "call"}
	return bad{
		client: func(*alipayplus.Client) error {
			_, err := w.as("olga", alipayplus.WithHTTPClient(&http.Client{Transport: otherTime{w, off}})).Programs.Create(w.Context(), in)
			return err
		},
		rawClient: func(h rawClient) rawAnswer {
			h.off = off
			return h.call(contract.ProgramCreate, in)
		},
	}
}

// otherTime stands between a client and the platform, which have one clock here,
// and makes it seem that the client's is off: it moves the times of requests and
// answers and signs anew, as both sign with the platform's key in process.
type otherTime struct {
	w   *fixture
	off time.Duration
}

func (o otherTime) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	require.NoError(o.w, err)
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	o.move(r, r.Header, "Request-Time", o.off, body)
	resp, err := o.w.p.HTTPClient().Transport.RoundTrip(r)
	require.NoError(o.w, err)
	body, err = io.ReadAll(resp.Body)
	require.NoError(o.w, err)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	o.move(r, resp.Header, "Response-Time", -o.off, body)
	return resp, nil
}

func (o otherTime) move(r *http.Request, h http.Header, name string, by time.Duration, body []byte) {
	at, err := signing.ParseTime(h.Get(name))
	require.NoError(o.w, err)
	h.Set(name, at.Add(by).Format(time.RFC3339Nano))
	h.Set("Signature", signedHeader(o.w, testkey.FastKey(), r.Method, r.URL.EscapedPath(), h.Get("Client-Id"), h.Get(name), body).Get("Signature"))
}

// classes are what errors are asked for with errors.Is.
func classes() []error {
	return []error{
		alipayplus.ErrNotFound, alipayplus.ErrPermission, alipayplus.ErrUnauthenticated, alipayplus.ErrConflict, alipayplus.ErrLimit,
		alipayplus.ErrRateLimited, alipayplus.ErrInvalid, alipayplus.ErrAuthorizationRequired, alipayplus.ErrOutcomeUnknown,
	}
}

// TestEveryErrorOfAGoMethodHasAClass tries every method of the platform that can fail
// with something that is not there, and with texts that nobody can read.
func TestEveryErrorOfAGoMethodHasAClass(t *testing.T) {
	withFixture(t, func(w *fixture) {
		ctx, key := w.Context(), testkey.FastClient().Public()
		w.underReview(w.authorizedProgram().ID, "1.0.0")
		waiting := must(w.p.Reviews(ctx))[0]
		second := func(_ any, err error) error { return err }
		methods := map[string]func(text string) error{
			"AddClient": func(text string) error { return second(w.p.AddClient(ctx, w.workspace, text, key)) },
			"AddKey":    func(text string) error { return second(w.p.AddKey(ctx, text, key)) },
			"AddOwner": func(text string) error {
				return second(w.p.AddOwner(ctx, alipayplus.BusinessRegistration{CompanyName: text}, "mei"))
			},
			"AddReviewer": func(text string) error { return second(w.p.AddReviewer(ctx, alipayplus.Party("/"+text), key)) },
			"AddWorkspace": func(text string) error {
				return second(w.p.AddWorkspace(ctx, alipayplus.BusinessRegistration{CompanyName: text}))
			},
			"Client":              func(text string) error { return second(w.p.Client(ctx, text, "olga")) },
			"Credentials":         func(text string) error { return second(w.p.Credentials(ctx, "ws_"+text)) },
			"DiscardEffect":       func(text string) error { return w.p.DiscardEffect(ctx, w.workspace, text) },
			"Members":             func(text string) error { return second(w.p.Members(ctx, text)) },
			"RemoveKey":           func(text string) error { return w.p.RemoveKey(ctx, text, "1") },
			"RemoveMember":        func(text string) error { return w.p.RemoveMember(ctx, w.workspace, text) },
			"ReviewerClient":      func(text string) error { return second(w.p.ReviewerClient(ctx, alipayplus.Party("/"+text))) },
			"RevokeAuthorization": func(text string) error { return w.p.RevokeAuthorization(ctx, w.workspace, text, cn) },
			"GrantAuthorization":  func(text string) error { return w.p.GrantAuthorization(ctx, w.workspace, text, cn) },
			"PutMember": func(text string) error {
				return w.p.PutMember(ctx, platform.Member{WorkspaceID: text, Name: "max", Role: alipayplus.RoleMaster})
			},
			"Audit": func(text string) error {
				for _, err := range w.p.Audit(ctx, "ws_"+text) {
					return err
				}
				return nil
			},
			"SignIn": func(text string) error {
				_, _, err := w.p.SignIn(ctx, text)
				return err
			},
			"SignInFor":             func(text string) error { return second(w.p.SignInFor(ctx, text)) },
			"Session":               func(text string) error { return second(w.p.Session(ctx, text, true)) },
			"PendingReview.Approve": func(text string) error { return waiting.Approve(ctx, alipayplus.Party(text)) },
			"PendingReview.Reject":  func(text string) error { return waiting.Reject(ctx, alipayplus.Party(text), "too many ads") },
			"PendingReview.File":    func(text string) error { return second(waiting.File(ctx, text)) },
		}
		for name, method := range methods {
			for _, text := range []string{"", " ", "nobody", "a\nb", "a\x00b", "a\u202eb", "a/b", "\xff", strings.Repeat("字", 10_000)} {
				err := method(text)
				require.Error(w, err, "%s %q", name, text)
				require.True(w, slices.ContainsFunc(classes(), func(class error) bool { return errors.Is(err, class) }), "%s %q: %v", name, text, err)
				require.NotContains(w, err.Error(), "\n", name)
				require.Less(w, len(err.Error()), 1000, name)
			}
		}
		// RemoveClient does nothing for a client id that is not there, Reviews and Marks
		// fail with the store alone, and Serve with its listener.
		tried := append(slices.Collect(maps.Keys(methods)), "RemoveClient", "Reviews", "Marks", "Serve")
		for typ, prefix := range map[reflect.Type]string{reflect.TypeFor[*platform.Platform](): "", reflect.TypeFor[*platform.PendingReview](): "PendingReview."} {
			for m := range typ.Methods() {
				if fails := m.Type.NumOut() > 0 && (m.Type.Out(m.Type.NumOut()-1) == reflect.TypeFor[error]() || m.Name == "Audit"); fails {
					require.Contains(w, tried, prefix+m.Name)
				}
			}
		}
		for name, err := range map[string]error{
			"approve": new(platform.PendingReview).Approve(ctx, alipayplus.PartyAlipayPlus),
			"reject":  new(platform.PendingReview).Reject(ctx, alipayplus.PartyAlipayPlus, "no"),
			"file":    second(new(platform.PendingReview).File(ctx, "f")),
		} {
			require.ErrorIs(w, err, alipayplus.ErrInvalid, name+" of a review that nobody listed")
		}
	})
}
