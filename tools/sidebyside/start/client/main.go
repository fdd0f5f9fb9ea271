// Command client reads its keys and makes both clients: what a program that uses the library takes before its first call.
package main

import (
	"log"
	"os"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

func main() {
	private, err := os.ReadFile(os.Args[1]) //nolint:gosec // the caller's own files
	if err != nil {
		log.Fatal(err)
	}
	public, err := os.ReadFile(os.Args[2]) //nolint:gosec // the same
	if err != nil {
		log.Fatal(err)
	}
	_, err = alipayplus.New(
		alipayplus.WithBaseURL("https://platform.example.com"), alipayplus.WithClientID("2021550000000001"),
		alipayplus.WithPrivateKey(private), alipayplus.WithPlatformKey("1", public),
	)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := alipaycn.New(alipaycn.WithAppID("2021009900000101"), alipaycn.WithPrivateKey(private), alipaycn.WithAlipayPublicKey(public)); err != nil {
		log.Fatal(err)
	}
}
