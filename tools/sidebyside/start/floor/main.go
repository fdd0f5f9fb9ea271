// Command floor does with the standard library alone what command client does.
package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log"
	"net/http"
	"os"
	"time"
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
	block, _ := pem.Decode(private)
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		log.Fatal(err)
	}
	block, _ = pem.Decode(public)
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Timeout: time.Minute}
	if err := json.NewEncoder(os.Stdout).Encode(client.Timeout); err != nil {
		log.Fatal(err)
	}
}
