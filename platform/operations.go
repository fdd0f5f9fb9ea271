package platform

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// operation is one operation of the contract as the platform carries it out.
type operation struct {
	contract.Operation
	// parse reads the typed input out of the bytes of a call, once, and what is
	// wrong with them. It needs no records.
	parse func(*Platform, *incoming)
	// rule checks the input against the records, stages what the operation writes,
	// and returns the answer's data, which is complete once that is written.
	rule func(c *call, input any) (any, error)
	// effect is what the operation does at the target app, to the release as the
	// rule has allowed it; nil for most. It runs between the rule and the staged
	// writes, may run again, and must come to the same then.
	effect func(context.Context, TargetBackend, *alipayplus.Release) error
	// keepsNothing says that a call writes nothing, although the contract counts it
	// among the writes.
	keepsNothing bool
}

// operations is what the platform answers: every operation of the contract, by
// path.
func operations() map[string]operation {
	byPath := map[string]operation{}
	for _, op := range []operation{
		operate(contract.WorkspaceQuery, queryWorkspace),

		operate(contract.ProgramCreate, createProgram),
		operate(contract.ProgramQuery, queryProgram),
		operate(contract.ProgramList, listPrograms),
		operate(contract.ProgramAddLanguages, addLanguages),
		operate(contract.ProgramConfigure, configureProgram),
		operate(contract.VersionUpload, uploadVersion),
		operate(contract.VersionList, listVersions),
		operate(contract.QRCodeCreate, createQRCode).withoutRecord(),

		operate(contract.ReleaseCreate, createRelease),
		operate(contract.ReleaseQuery, queryRelease),
		operate(contract.ReleaseList, listReleases),
		operate(contract.ReleaseConfigure, configureRelease),
		operate(contract.ReleaseApply, applyRelease).withEffect(submitToTarget),
		operate(contract.ReleaseWithdraw, withdrawRelease).withEffect(withdrawAtTarget),
		operate(contract.ReleaseGrayscale, setRatio).withEffect(setRatioAtTarget),
		operate(contract.ReleaseFinalize, finalizeRelease).withEffect(setRatioAtTarget),
		operate(contract.ReleaseCancel, cancelRelease).withEffect(cancelAtTarget),

		operate(contract.AuthorizationBegin, beginAuthorization),
		operate(contract.AuthorizationQuery, queryAuthorization),

		operateWith(contract.ServiceCreate, createPolicy, createService),
		operateWith(contract.ServiceUpdate, updatePolicy, updateService),
		operate(contract.ServiceSubmit, submitService),
		operate(contract.ServiceWithdraw, withdrawService),
		operate(contract.ServiceArchive, archiveService),
		operate(contract.ServiceQuery, queryService),
		operate(contract.ServiceList, listServices),

		operate(contract.RequestQuery, queryRequest),
		operate(contract.RequestList, listRequests),

		{Operation: contract.FileUpload, parse: parseFile, rule: uploadFile},

		operate(contract.ReviewList, listReviews),
		operate(contract.ReviewDecide, decideReview),
	} {
		byPath[op.Path] = op
	}
	return byPath
}

// checked is an input that can check itself.
type checked interface {
	Validate() error
}

// operate makes an operation of a rule on a JSON input that can check itself.
func operate[In checked, Out any](op contract.Operation, rule func(*call, In) (Out, error)) operation {
	return operateWith(op, func(*Platform, *In) {}, rule)
}

// operateWith is operate for a check that depends on the platform: prepare puts
// what it depends on into the decoded input.
func operateWith[In checked, Out any](op contract.Operation, prepare func(*Platform, *In), rule func(*call, In) (Out, error)) operation {
	return operation{
		Operation: op,
		parse: func(p *Platform, in *incoming) {
			var input In
			err := decode(in.body, &input)
			if op.Write {
				in.requestID, in.refused = requestIDOf(&input, err, in.body)
			}
			if in.refused != nil {
				return
			}
			if err == nil {
				prepare(p, &input)
				err = input.Validate()
			}
			in.input, in.invalid = input, err
		},
		rule: func(c *call, input any) (any, error) { return rule(c, input.(In)) },
	}
}

func (op operation) withEffect(effect func(context.Context, TargetBackend, *alipayplus.Release) error) operation {
	op.effect = effect
	return op
}

func (op operation) withoutRecord() operation {
	op.keepsNothing = true
	return op
}

const maxRequestID = 64

// requestIDOf returns the idempotency key of a decoded input; empty for an input
// that has no such field. When the input could not be decoded, err says why, and
// the body is searched for the key alone.
func requestIDOf(input any, err error, body []byte) (string, error) {
	field := reflect.ValueOf(input).Elem().FieldByName("RequestID")
	if !field.IsValid() {
		return "", nil
	}
	id := field.String()
	if err != nil {
		var carrier struct {
			RequestID string `json:"requestId"`
		}
		if err := decode(body, &carrier); err != nil {
			return "", err
		}
		id = carrier.RequestID
	}
	if id == "" {
		return "", invalid("requestId", "is required for a call that changes something")
	}
	if len(id) > maxRequestID {
		return "", invalid("requestId", "must have at most %d characters", maxRequestID)
	}
	return id, nil
}

// decode reads the JSON of a call. The position and Go's words for it are left
// out: they help nobody who does not see the code.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	if invalidValue, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		return invalidValue
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && mismatch.Field != "" {
		return invalid(mismatch.Field, "has the wrong JSON type (%s)", mismatch.Value)
	}
	return invalid("body", "is not the JSON of this operation")
}
