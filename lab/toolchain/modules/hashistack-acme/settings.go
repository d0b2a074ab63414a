package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Settings is what the job's file tells. Nothing in it is secret.
type Settings struct {
	Vault struct {
		// Address, such as https://active.vault.service.consul:8200.
		Address string `json:"address"`
		// CaFile holds the root of Vault's own authority, PEM.
		CaFile string `json:"caFile"`
	} `json:"vault"`
	// Domains are the names of the certificate; the first is its common name. A name may begin with "*.".
	Domains []string `json:"domains"`
	Email   string   `json:"email"`
	// Directory is the URL of the ACME server's directory, https.
	Directory string `json:"directory"`
	// KeyType is one of ec256, ec384, rsa2048, rsa4096.
	KeyType string `json:"keyType"`
	// RenewDays is how many days before its end a certificate is renewed; never more than a third of its life.
	RenewDays int `json:"renewDays"`
	// Resolvers, host:port, are asked whether a record can be seen; empty: the domain's own servers.
	Resolvers []string `json:"resolvers"`
	// Provider is one of linode, designate, rfc2136.
	Provider string `json:"provider"`
	// API is where Linode's API answers, https; empty: at Linode.
	API string `json:"api"`
	// CaFile holds roots, PEM, that are trusted besides the public ones by whoever is asked but Vault; it may be empty.
	CaFile string `json:"caFile"`
	// Paths in Vault's API.
	Paths struct {
		// Certificate is what the ingress reads.
		Certificate string `json:"certificate"`
		// Account is the ACME account: key, directory, e-mail.
		Account string `json:"account"`
		// DNS is the credential by which records are written.
		DNS string `json:"dns"`
		// Run is what came of the last run.
		Run string `json:"run"`
		// Force is the moment since which a renewal is asked for.
		Force string `json:"force"`
	} `json:"paths"`
}

func readSettings(path string) (*Settings, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	settings := new(Settings)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(settings); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(settings.Domains) == 0 {
		return nil, fmt.Errorf("%s names no domain", path)
	}
	if _, known := keyTypes[settings.KeyType]; !known {
		return nil, fmt.Errorf("%s: %q is no type of key", path, settings.KeyType)
	}
	return settings, nil
}
