// Package contract holds api/openapi.yaml against what people make from it in other languages: run.sh generates a client, which
// releases a mini program through a platform that is served, and lints the document. The client is made for the test and kept nowhere.
package contract
