package platform

import (
	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// operations is what the platform answers: every operation of the contract.
func (p *Platform) operations() map[string]route {
	routes := []route{
		{op: contract.WorkspaceQuery, handle: input(queryWorkspace)},

		{op: contract.ProgramCreate, handle: input(createProgram)},
		{op: contract.ProgramQuery, handle: input(queryProgram)},
		{op: contract.ProgramList, handle: input(listPrograms)},
		{op: contract.ProgramAddLanguages, handle: input(addLanguages)},
		{op: contract.ProgramConfigure, handle: input(configureProgram)},
		{op: contract.VersionUpload, handle: input(uploadVersion)},
		{op: contract.VersionList, handle: input(listVersions)},
		{op: contract.QRCodeCreate, handle: input(createQRCode)},

		{op: contract.ReleaseCreate, handle: input(createRelease)},
		{op: contract.ReleaseQuery, handle: input(queryRelease)},
		{op: contract.ReleaseList, handle: input(listReleases)},
		{op: contract.ReleaseConfigure, handle: input(configureRelease), alone: true},
		{op: contract.ReleaseApply, handle: input(applyRelease), effect: submitToTarget},
		{op: contract.ReleaseWithdraw, handle: input(withdrawRelease), effect: withdrawAtTarget},
		{op: contract.ReleaseGrayscale, handle: input(setRatio), effect: setRatioAtTarget},
		{op: contract.ReleaseFinalize, handle: input(finalizeRelease), effect: setRatioAtTarget},
		{op: contract.ReleaseCancel, handle: input(cancelRelease), effect: cancelAtTarget},

		{op: contract.AuthorizationBegin, handle: input(beginAuthorization)},
		{op: contract.AuthorizationQuery, handle: input(queryAuthorization)},

		{op: contract.ServiceCreate, handle: inputFor(createPolicy, createService)},
		{op: contract.ServiceUpdate, handle: inputFor(updatePolicy, updateService)},
		{op: contract.ServiceSubmit, handle: input(submitService)},
		{op: contract.ServiceWithdraw, handle: input(withdrawService)},
		{op: contract.ServiceArchive, handle: input(archiveService)},
		{op: contract.ServiceQuery, handle: input(queryService)},
		{op: contract.ServiceList, handle: input(listServices)},

		{op: contract.RequestQuery, handle: input(queryRequest)},
		{op: contract.RequestList, handle: input(listRequests)},

		{op: contract.FileUpload, handle: uploadFile},

		{op: contract.ReviewList, handle: input(listReviews)},
		{op: contract.ReviewDecide, handle: input(decideReview), alone: true},
	}
	byPath := make(map[string]route, len(routes))
	for _, r := range routes {
		byPath[r.op.Path] = r
	}
	return byPath
}
