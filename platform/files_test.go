package platform_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

// uploadFile sends a file by hand.
func (h rawClient) uploadFile(contentType string, content []byte) rawAnswer {
	h.Helper()
	return h.send(http.MethodPost, contract.Prefix+contract.FileUpload.Path, contentType, content)
}

func TestAFileIsNamedByItsContent(t *testing.T) {
	withFixture(t, func(w *fixture) {
		var photo bytes.Buffer
		require.NoError(w, jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 30, 20)), nil))
		for contentType, content := range map[string][]byte{
			"image/png": pngImage(w), "image/jpeg": photo.Bytes(), "application/zip": zipPackage(w, "x"),
		} {
			got := w.rawClient("olga").uploadFile(contentType, content)
			require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
			var f alipayplus.File
			require.NoError(w, json.Unmarshal(got.Data, &f))
			sum := sha256.Sum256(content)
			want := alipayplus.File{ID: hex.EncodeToString(sum[:]), ContentType: contentType, Size: int64(len(content))}
			switch contentType {
			case "image/png":
				want.Width, want.Height = 8, 8
			case "image/jpeg":
				want.Width, want.Height = 30, 20
			}
			require.Equal(w, want, f)
			require.Empty(w, got.RequestID)
		}
	})
}

func TestTheSameContentIsTheSameFile(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		first := h.uploadFile("image/png", pngImage(w))
		log := len(w.auditLog())
		second := h.uploadFile("image/png", pngImage(w))
		require.JSONEq(w, string(first.Data), string(second.Data))
		require.Len(w, w.auditLog(), log, "nothing changed")
	})
}

func TestOnlyImagesAndPackagesThatCanBeReadAreKept(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		for name, tt := range map[string]struct {
			contentType string
			content     string
			message     string
		}{
			"nothing":              {"image/png", "", "is required"},
			"a text":               {"image/png", "not an image", "must be one of [image/png image/jpeg application/zip] by its content; it is text/plain; charset=utf-8"},
			"a GIF":                {"image/gif", "GIF89a" + strings.Repeat("\x00", 20), "must be one of [image/png image/jpeg application/zip] by its content; it is image/gif"},
			"an SVG with a script": {"image/svg+xml", `<svg><script>alert(1)</script></svg>`, "must be one of [image/png image/jpeg application/zip] by its content; it is text/plain; charset=utf-8"},
			"half a PNG":           {"image/png", string(pngImage(w)[:20]), "begins like image/png but is not a readable image"},
			"half a zip":           {"application/zip", string(zipPackage(w, "x")[:40]), "begins like a zip archive but is not a readable one"},
			"under another type":   {"image/jpeg", string(pngImage(w)), "was sent as image/jpeg but is image/png"},
			"under no type":        {"", string(pngImage(w)), "was sent as  but is image/png"},
		} {
			time.Sleep(time.Millisecond) // the type is not signed, and each message is to be another
			got := h.uploadFile(tt.contentType, []byte(tt.content))
			require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code, name)
			require.Len(w, got.Details.Fields, 1, name)
			require.Equal(w, tt.message, got.Details.Fields[0].Message, name)
		}
		require.Empty(w, w.auditLog())
	})
}

func TestAnImageIsSmallerThanAPackageMayBe(t *testing.T) {
	policy := alipayplus.DefaultServicePolicy()
	policy.MaxImageBytes = 70
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		got := h.uploadFile("image/png", pngImage(w))
		require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code)
		require.Contains(w, got.Result.Message, "content must have at most 70 bytes as an image; has ")
		require.Equal(w, alipayplus.CodeSuccess, h.uploadFile("application/zip", zipPackage(w, "x")).Result.Code)

		got = h.uploadFile("application/zip", bytes.Repeat([]byte("x"), 401))
		require.Equal(w, http.StatusRequestEntityTooLarge, got.HTTP)
		require.Equal(w, "the body is larger than 400 bytes", got.Result.Message)
		got = h.call(contract.RequestList, `{"title":"x"}`+strings.Repeat(" ", 8192-12))
		require.Equal(w, "the body is larger than 8192 bytes", got.Result.Message, "another call has a limit of its own")
		require.Equal(w, alipayplus.CodeSuccess, h.call(contract.RequestList, `{"title":"x"}`+strings.Repeat(" ", 8192-13)).Result.Code, "exactly as large")
	}, platform.WithServicePolicy(policy), platform.WithMaxBytes(8192, 400))
}

// An image belongs to a service, which every member may manage; a package to a
// mini program, which must be the developer's.
func TestADeveloperWithoutMiniProgramsMayOfferAService(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program().ID
		dan := &fixture{T: w.T, p: w.p, workspace: w.workspace, owner: w.member("dan", alipayplus.RoleDeveloper)}
		require.Equal(w, alipayplus.ServicePendingReview, dan.submitted().Status)

		build := zipPackage(w, "1.0.0")
		_, err := dan.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
			ProgramID: program, Version: alipayplus.VersionNumber{Major: 1}, Package: bytes.NewReader(build), Size: int64(len(build)),
		})
		require.ErrorIs(w, err, alipayplus.ErrPermission)
		versions, err := w.owner.Programs.ListVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: program})
		require.NoError(w, err)
		require.Empty(w, versions.Items)
	}, platform.WithPermissionPolicy(alipayplus.PolicyAssignedDevelopersRelease))
}

// What a workspace keeps is bounded and shown; what nothing names goes after a while.
func TestFilesOfAWorkspaceHaveAQuota(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		upload := func(text string) (int64, rawAnswer) {
			content := zipPackage(w, text)
			return int64(len(content)), h.uploadFile("application/zip", content)
		}
		used := func() int64 { return must(w.owner.Workspace.Get(w.Context())).Storage.Used }
		draft := w.draft()
		require.Equal(w, int64(len(pngImage(w))), draft.ImageBytes)
		require.Equal(w, draft.ImageBytes, used())
		version := w.upload(w.program().ID, "1.0.0")
		named := used()
		size, got := upload("a")
		require.Equal(w, alipayplus.CodeSuccess, got.Result.Code)
		require.Equal(w, named+size, used())
		_, got = upload("a")
		require.Equal(w, alipayplus.CodeSuccess, got.Result.Code)
		require.Equal(w, named+size, used(), "the same content takes nothing more")

		_, got = upload("another")
		require.Equal(w, alipayplus.CodeLimitExceeded, got.Result.Code)
		require.Contains(w, got.Result.Message, fmt.Sprintf("bytes of files in this workspace: %d of 400 are used", used()))
		require.NotEmpty(w, w.neighbour().image().ID, "another workspace has a quota of its own")

		time.Sleep(7*24*time.Hour + time.Second)
		size, got = upload("another")
		require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
		require.Equal(w, named+size, used(), "the unused package is gone, the image and the version's package are not")
		time.Sleep(30 * 24 * time.Hour)
		size, got = upload("a third")
		require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
		require.Equal(w, named+size, used())
		require.Equal(w, version, must(w.owner.Programs.ListVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: must(w.owner.Programs.List(w.Context(), alipayplus.ListProgramsInput{})).Items[0].ID})).Items[0].Number)
		_, err := w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: draft.ID})
		require.NoError(w, err, "the image is still there")
	}, platform.WithStorageQuota(400))
	sentence(t, "how long an unused file is kept can be set", func(w *fixture) {
		h := w.rawClient("olga")
		used := func() int64 { return must(w.owner.Workspace.Get(w.Context())).Storage.Used }
		h.uploadFile("application/zip", zipPackage(w, "a"))
		one := used()
		time.Sleep(time.Hour - time.Second)
		h.uploadFile("application/zip", zipPackage(w, "b"))
		require.Equal(w, 2*one, used())
		time.Sleep(2 * time.Second)
		h.uploadFile("application/zip", zipPackage(w, "c"))
		require.Equal(w, 2*one, used(), "the first is gone")
	}, platform.WithUnusedFiles(time.Hour))
	sentence(t, "a revision uses its images beside those that are online", func(w *fixture) {
		s := w.online()
		changed := s.ServiceDescription
		changed.ImageFileID = w.picture(9).ID
		_, err := w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: changed})
		require.NoError(w, err)
		time.Sleep(15 * 24 * time.Hour)
		w.picture(10)
		_, err = w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
		require.NoError(w, err, "the revision's image is still there")
		reviewer, request := w.reviewer(alipayplus.PartyAlipayPlus).Reviews, w.service(s.ID).Revision.ReleaseRequestID
		for _, id := range []string{s.ImageFileID, changed.ImageFileID} {
			_, err := reviewer.File(w.Context(), alipayplus.ReviewFileInput{ID: request, FileID: id})
			require.NoError(w, err, "and so is the one that is online")
		}
		w.decide(alipayplus.PartyAlipayPlus, "")
		time.Sleep(15 * 24 * time.Hour)
		w.picture(11)
		_, err = reviewer.File(w.Context(), alipayplus.ReviewFileInput{ID: request, FileID: changed.ImageFileID})
		require.NoError(w, err, "it is online now")
		_, err = reviewer.File(w.Context(), alipayplus.ReviewFileInput{ID: request, FileID: s.ImageFileID})
		require.ErrorIs(w, err, alipayplus.ErrNotFound, "nothing shows the former one any more")
	})
}
